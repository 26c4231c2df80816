import Glibc

/// A program on this machine, in a process group of its own that is ended at its deadline.
package struct ChildProcess: Sendable {
  private let program: ProcessStart
  private let input: String
  private let deadline: Duration

  private init(
    path: String, arguments: [String], environment: [String: String] = [:], input: String = "",
    package: String? = nil, deadline: Duration
  ) {
    program = ProcessStart(path: path, arguments: arguments, environment: environment, package: package)
    self.input = input
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
  ///
  /// - Parameter input: what it reads on its stdin, at most 32 KiB.
  package static func shell(
    _ command: String, environment: [String: String], input: String = "", deadline: Duration
  ) -> ChildProcess {
    ChildProcess(
      path: "/bin/sh", arguments: ["-c", command], environment: environment, input: input, deadline: deadline)
  }

  /// A program with its arguments.
  ///
  /// - Parameters:
  ///   - input: what it reads on its stdin, at most 32 KiB.
  ///   - package: Debian's that has it.
  package static func program(
    _ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
    package: String, deadline: Duration
  ) -> ChildProcess {
    ChildProcess(
      path: name, arguments: arguments, environment: environment, input: input, package: package,
      deadline: deadline)
  }

  /// - Throws: `NotStarted`.
  package func run() async throws -> Result {
    try await BlockingCall.run { try self.runBlocking() }
  }

  /// As `run`, on this thread.
  package func runBlocking() throws -> Result {
    let (started, streams) = try program.run()
    // What a command line of the user's says may be a secret.
    DebugLog.write(
      "process \(started): \(program.path) with \(program.arguments.count) arguments, at most \(deadline)")
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
}
