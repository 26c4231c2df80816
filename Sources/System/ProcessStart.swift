import CZone
import FoundationEssentials
import Glibc
import Synchronization

/// Starts programs with posix_spawnp(3), each in a process group of its own.
///
/// Not Foundation's `Process`: on Linux its children inherit a blocked signal mask and cannot be given a group.
struct ProcessStart {
  let path: String
  let arguments: [String]
  var environment: [String: String] = [:]
  /// Debian's package that has it, for who has not.
  var package: String?

  /// Our ends of its streams.
  struct Ends {
    let stdin: Int32
    let stdout: Int32
    let stderr: Int32
  }

  /// As this process was given it. What TimeZones sets meanwhile is its own.
  private static let inherited: [String: String] = {
    var environment = ProcessInfo.processInfo.environment
    if certfleet_zone_made_tz() { environment["TZ"] = nil }
    return environment
  }()

  /// One start at a time: between the making of a pipe and its marking another child would inherit it.
  private static let starting = Mutex(())

  /// - Returns: the process, which leads its group.
  func run() throws -> (id: pid_t, ends: Ends) { try Self.starting.withLock { _ in try start() } }

  private func start() throws -> (pid_t, Ends) {
    let (stdin, stdout, stderr) = (try Pipe(), try Pipe(), try Pipe())
    defer { for end in [stdin.reader, stdout.writer, stderr.writer] { close(end) } }
    do {
      let id = try spawn(stdin.reader, stdout.writer, stderr.writer)
      return (id, Ends(stdin: stdin.writer, stdout: stdout.reader, stderr: stderr.reader))
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
      throw ChildProcess.NotStarted(
        description: "\(path) is missing on this machine; install it (Debian: \(package))")
    }
    guard status == 0 else {
      throw ChildProcess.NotStarted(
        description: "\(path) cannot be started: \(String(cString: strerror(status)).lowercased())")
    }
    return id
  }
}
