import CZone
import FoundationEssentials
import Glibc
import Synchronization

/// A program on this machine, in a process group of its own that is ended at its deadline.
///
/// Not Foundation's `Process`: on Linux its children inherit a blocked signal mask and cannot be given a group.
package struct ChildProcess: Sendable {
  private let path: String
  private let arguments: [String]
  private let environment: [String: String]
  private let input: String
  /// Debian's package that has it, for who has not.
  private let package: String?
  private let deadline: Duration

  private init(
    path: String, arguments: [String], environment: [String: String] = [:], input: String = "",
    package: String? = nil, deadline: Duration
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.input = input
    self.package = package
    self.deadline = deadline
  }

  /// It could not be started.
  package struct NotStarted: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  package struct Result: Sendable {
    /// The exit status, or 128 and the signal's number, as sh(1) has it.
    package let status: Int32
    package let stdout: String
    package let stderr: String
    package let timedOut: Bool

    /// The last line that it said, mostly why it failed.
    package var lastLine: String {
      let lines = (stderr + "\n" + stdout).split(separator: "\n")
      return stderr.split(separator: "\n").last.map(String.init) ?? lines.last.map(String.init) ?? ""
    }
  }

  /// A command line of the user's, for `/bin/sh`.
  package static func shell(
    _ command: String, environment: [String: String], deadline: Duration
  ) -> ChildProcess {
    ChildProcess(path: "/bin/sh", arguments: ["-c", command], environment: environment, deadline: deadline)
  }

  /// A program with its arguments.
  ///
  /// - Parameters:
  ///   - input: what it reads on its stdin, at most 32 KiB.
  ///   - package: Debian's that has it.
  package static func program(
    _ name: String, _ arguments: [String], input: String = "", package: String, deadline: Duration
  ) -> ChildProcess {
    ChildProcess(path: name, arguments: arguments, input: input, package: package, deadline: deadline)
  }

  /// - Throws: `NotStarted`.
  package func run() async throws -> Result {
    try await BlockingCall.run { try self.runBlocking() }
  }

  /// As `run`, on this thread.
  package func runBlocking() throws -> Result {
    let (started, streams) = try Self.starting.withLock { _ in try start() }
    // What a command line of the user's says may be a secret.
    DebugLog.write("process \(started): \(path) with \(arguments.count) arguments, at most \(deadline)")
    defer { for end in [streams.stdout, streams.stderr] { close(end) } }
    // What is written here is less than a pipe holds (pipe(7)), so it cannot block.
    let bytes = Array(input.utf8.prefix(32 << 10))
    _ = write(streams.stdin, bytes, bytes.count)
    close(streams.stdin)
    var (out, err) = (Stream(streams.stdout), Stream(streams.stderr))
    let end = ContinuousClock.now + deadline
    var (timedOut, killed) = (false, false)
    var status: Int32 = 0
    while waitpid(started, &status, WNOHANG) == 0 {
      var waiting = [
        pollfd(fd: out.awaited, events: Int16(POLLIN), revents: 0),
        pollfd(fd: err.awaited, events: Int16(POLLIN), revents: 0),
      ]
      poll(&waiting, 2, 20)
      out.take()
      err.take()
      let over = ContinuousClock.now - end
      if over > .zero, !timedOut {
        timedOut = true
        kill(-started, SIGTERM)
      } else if over > .seconds(5), !killed {
        killed = true
        kill(-started, SIGKILL)
      }
    }
    // Whoever of the group did not end with its leader.
    if timedOut { kill(-started, SIGKILL) }
    out.take()
    err.take()
    let signal = status & 0x7f
    DebugLog.write("process \(started): ended with \(status)\(timedOut ? ", at its deadline" : "")")
    return Result(
      status: signal == 0 ? status >> 8 & 0xff : 128 + signal, stdout: out.text, stderr: err.text,
      timedOut: timedOut)
  }

  /// As this process was given it. What TimeZones sets meanwhile is its own.
  private static let inherited: [String: String] = {
    var environment = ProcessInfo.processInfo.environment
    if certfleet_zone_made_tz() { environment["TZ"] = nil }
    return environment
  }()

  /// One start at a time: between the making of a pipe and its marking another child would inherit it.
  private static let starting = Mutex(())

  /// - Returns: the process, and our ends of its streams.
  private func start() throws -> (pid_t, (stdin: Int32, stdout: Int32, stderr: Int32)) {
    let (stdin, stdout, stderr) = (try Pipe(), try Pipe(), try Pipe())
    defer { for end in [stdin.reader, stdout.writer, stderr.writer] { close(end) } }
    do {
      let id = try spawn(stdin.reader, stdout.writer, stderr.writer)
      return (id, (stdin.writer, stdout.reader, stderr.reader))
    } catch {
      for end in [stdin.writer, stdout.reader, stderr.reader] { close(end) }
      throw error
    }
  }

  private func spawn(_ stdin: Int32, _ stdout: Int32, _ stderr: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, end) in [stdin, stdout, stderr].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, end, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // SIGPIPE is ignored here and Dispatch's threads block nearly every signal: neither is passed on.
    var (all, none) = (sigset_t(), sigset_t())
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
    let inherited = Self.inherited.merging(environment) { $1 }
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var settings = inherited.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var id: pid_t = 0
    let status = posix_spawnp(&id, path, &actions, &attributes, &words, &settings)
    if status == ENOENT, let package {
      throw NotStarted(description: "\(path) is missing on this machine; install it (Debian: \(package))")
    }
    guard status == 0 else {
      throw NotStarted(
        description: "\(path) cannot be started: \(String(cString: strerror(status)).lowercased())")
    }
    return id
  }
}
