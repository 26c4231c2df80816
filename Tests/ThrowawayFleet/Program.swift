import Foundation
import Synchronization

/// Running other programs.
package enum Program {
  package struct Result: Sendable {
    package let status: Int32
    package let stdout: String
    package let stderr: String
    /// Both streams, for a failed expectation's message.
    package var everything: String { stdout + stderr }
  }

  package struct Failed: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
  }

  /// Runs it to its end. Output goes through files: a pipe would have to be drained meanwhile.
  package static func run(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], stdin: String = ""
  ) async throws -> Result {
    let scratch = try ScratchFolder()
    let input = try scratch.write("stdin", stdin)
    let running = try Running(
      path, arguments, environment: environment, stdin: input, stdout: scratch.path + "/stdout",
      stderr: scratch.path + "/stderr")
    let status = await running.ended()
    return Result(
      status: status, stdout: Files.read(scratch.path + "/stdout"),
      stderr: Files.read(scratch.path + "/stderr"))
  }

  /// As `run`, and anything but success is an error.
  @discardableResult
  package static func succeed(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> String {
    let result = try await run(path, arguments, environment: environment)
    guard result.status == 0 else {
      throw Failed(
        "\(path) \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything)")
    }
    return result.stdout
  }

  /// Where a program is: on the path, or where Debian puts daemons.
  package static func find(_ name: String) throws -> String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    for folder in folders + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"] {
      let path = "\(folder)/\(name)"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw Failed("\(name) is not installed; run: make packages")
  }
}

/// A program that is running, ended by its id.
///
/// Not Foundation's `Process`: on Linux it learns of an end by a socket's end of file, which a daemon started at
/// the same moment may hold open for good.
package final class Running: Sendable {
  private let exit = Promise<(status: Int32, usage: Usage)>()
  package let id: Int32

  /// What a program has used, as getrusage(2) tells it.
  package struct Usage: Sendable {
    /// In user and kernel mode, in seconds.
    package let processorTime: Double
    /// The most that was resident at once.
    package let peakMegabytes: Double

    init(_ usage: rusage) {
      func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
      processorTime = seconds(usage.ru_utime) + seconds(usage.ru_stime)
      peakMegabytes = Double(usage.ru_maxrss) / 1024
    }
  }

  /// Everything that is running now, for a program that is interrupted.
  package static var live: Set<Int32> { known.withLock { Set($0.keys) } }
  /// Whose each number is: one that has ended may have had the number of one that runs.
  private static let known = Mutex<[Int32: UUID]>([:])
  private let owner = UUID()

  /// - Parameters:
  ///   - stdout: a file to append to; `nil` is this process's own.
  package init(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:],
    stdin: String = "/dev/null",
    stdout: String?, stderr: String?
  ) throws {
    id = try Spawn.start(
      [path] + arguments, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
      streams: [stdin, stdout, stderr])
    Self.known.withLock { $0[id] = owner }
    Thread { [id, exit] in
      var ended = siginfo_t()
      while waitid(P_PID, id_t(id), &ended, WEXITED | WNOWAIT) < 0, errno == EINTR {}
      var (status, usage): (Int32, _) = (0, rusage())
      // Its number is nobody else's until it is waited for.
      Self.known.withLock {
        wait4(id, &status, 0, &usage)
        $0[id] = nil
      }
      // wait(2): the low seven bits are the signal, the next byte the exit status.
      let signal = status & 0x7f
      exit.fulfil((signal == 0 ? status >> 8 & 0xff : 128 + signal, Usage(usage)))
    }.start()
  }

  /// Whether a process runs; one that has ended and whose parent has not asked yet does not.
  package static func isAlive(_ id: Int32) -> Bool {
    let status = Files.read("/proc/\(id)/stat")
    return !status.isEmpty && !status.contains(") Z ")
  }

  /// Nothing outlives its owner, whatever went wrong in between.
  deinit { signal(SIGTERM) }

  package var isAlive: Bool { Self.known.withLock { $0[id] == owner } && Self.isAlive(id) }

  /// The exit status, or 128 and the signal's number.
  package func ended() async -> Int32 { await exit.value.status }

  /// What it has used, once it has ended.
  package func usage() async -> Usage { await exit.value.usage }

  /// What has ended is left alone: its number may be another program's by now.
  package func signal(_ number: Int32) {
    Self.known.withLock { if $0[id] == owner { kill(id, number) } }
  }

  /// TERM, and KILL for what is still there after five seconds.
  package func stop() async {
    signal(SIGTERM)
    let killer = Task {
      try await Task.sleep(for: .seconds(5))
      signal(SIGKILL)
    }
    _ = await exit.value
    killer.cancel()
  }
}

/// posix_spawn(3). Descriptors that are not to be inherited are opened so (O_CLOEXEC).
private enum Spawn {
  static func start(_ arguments: [String], environment: [String: String], streams: [String?]) throws -> Int32
  {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, path) in streams.enumerated() {
      guard let path else { continue }
      let flags = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
      posix_spawn_file_actions_addopen(&actions, Int32(number), path, flags, 0o600)
    }
    // Neither ignored signals, as the demo has, nor Dispatch's threads' mask, which blocks nearly all, are passed on.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigfillset(&defaults)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words = arguments.map { strdup($0) } + [nil]
    var settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var id: pid_t = 0
    let status = posix_spawn(&id, arguments[0], &actions, &attributes, &words, &settings)
    guard status == 0 else {
      throw Program.Failed("\(arguments[0]) cannot be started: \(String(cString: strerror(status)))")
    }
    return id
  }
}
