import FoundationEssentials
import Glibc
import Synchronization

/// A program that is talked to while it runs, in a process group of its own.
///
/// Its streams are waited for on threads (`BlockingCall`); one reader and one writer at a time.
package final class PipedProcess: Sendable {
  private let id: pid_t
  private let ends: ProcessStart.Ends
  private let state = Mutex(State())

  private struct State {
    var open: Set<Int32> = []
    /// As waitpid(2) has it; `nil` while it runs.
    var status: Int32?
    var isEnding = false
  }

  package enum Output: Hashable, Sendable {
    case stdout([UInt8])
    case stderr([UInt8])
    /// The exit status, or 128 and the signal's number, as sh(1) has it; nothing comes after it.
    case ended(status: Int)
  }

  /// It took, or said, nothing in that time.
  package struct TimedOut: Error {}
  /// It reads no more.
  package struct Closed: Error {}

  /// - Parameter package: Debian's package that has the program.
  /// - Throws: `ChildProcess.NotStarted`.
  package init(_ path: String, _ arguments: [String], package: String? = nil) throws {
    (id, ends) = try ProcessStart(path: path, arguments: arguments, package: package).run()
    for end in [ends.stdin, ends.stdout, ends.stderr] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    state.withLock { $0.open = [ends.stdin, ends.stdout, ends.stderr] }
    DebugLog.write("process \(id): \(path) with \(arguments.count) arguments")
  }

  /// - Throws: `TimedOut`, `Closed`.
  package func send(_ bytes: [UInt8], within timeout: Duration) async throws {
    try await BlockingCall.run { [self] in
      let deadline = ContinuousClock.now + timeout
      var rest = bytes[...]
      while !rest.isEmpty {
        guard isOpen(ends.stdin) else { throw Closed() }
        let count = rest.withUnsafeBytes { write(ends.stdin, $0.baseAddress, $0.count) }
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN || errno == EINTR {
          guard wait([(ends.stdin, POLLOUT)], until: deadline) else { throw TimedOut() }
        } else {
          throw Closed()
        }
      }
    }
  }

  /// - Throws: `TimedOut`.
  package func receive(within timeout: Duration) async throws -> Output {
    try await BlockingCall.run { [self] in
      let deadline = ContinuousClock.now + timeout
      while true {
        if let output = take() { return output }
        let streams = [ends.stdout, ends.stderr].filter(isOpen)
        if streams.isEmpty, let status = reap() { return .ended(status: status) }
        // A child of its own may hold the streams open: whether it has ended is looked at now and then.
        let pause = ContinuousClock.now + .milliseconds(streams.isEmpty ? 10 : 200)
        if !wait(streams.map { ($0, POLLIN) }, until: min(deadline, pause)) {
          if reap() != nil { [ends.stdout, ends.stderr].forEach(closeEnd) }
          guard .now < deadline else { throw TimedOut() }
        }
      }
    }
  }

  /// Closes its streams, and waits for it in the background, so that none is left as a zombie.
  ///
  /// - Parameter patience: after which its group is sent TERM, and KILL two seconds later; `nil` lets it come to its own end.
  package func end(after patience: Duration?) {
    let isFirst = state.withLock { state in
      defer { state.isEnding = true }
      return !state.isEnding
    }
    guard isFirst else { return }
    for end in [ends.stdin, ends.stdout, ends.stderr] { closeEnd(end) }
    guard reap() == nil else { return }
    SystemThread.start { [self] in
      let start = ContinuousClock.now
      var signals = [(patience, SIGTERM), (patience.map { $0 + .seconds(2) }, SIGKILL)]
      while reap() == nil {
        if let (moment, signal) = signals.first, let moment, .now - start > moment {
          kill(-id, signal)
          signals.removeFirst()
        }
        usleep(.now - start < .seconds(1) ? 5_000 : 100_000)
      }
    }
  }

  private func isOpen(_ end: Int32) -> Bool { state.withLock { $0.open.contains(end) } }

  private func closeEnd(_ end: Int32) {
    state.withLock { state in
      if state.open.remove(end) != nil { close(end) }
    }
  }

  /// What is there; a stream that is at its end is closed.
  private func take() -> Output? {
    for (end, isError) in [(ends.stdout, false), (ends.stderr, true)] where isOpen(end) {
      var chunk = [UInt8](repeating: 0, count: 32 << 10)
      let count = read(end, &chunk, chunk.count)
      if count > 0 {
        let bytes = Array(chunk.prefix(count))
        return isError ? .stderr(bytes) : .stdout(bytes)
      }
      if count == 0 || errno != EAGAIN && errno != EINTR { closeEnd(end) }
    }
    return nil
  }

  /// Its status, where it has ended.
  private func reap() -> Int? {
    state.withLock { state in
      if state.status == nil {
        var status: Int32 = 0
        if waitpid(id, &status, WNOHANG) == id {
          state.status = status
          DebugLog.write("process \(id): ended with \(status)")
        }
      }
      return state.status.map { $0 & 0x7f == 0 ? Int($0 >> 8 & 0xff) : 128 + Int($0 & 0x7f) }
    }
  }

  /// - Returns: whether one of them is ready.
  private func wait(_ streams: [(Int32, Int32)], until deadline: ContinuousClock.Instant) -> Bool {
    var waiting = streams.map { pollfd(fd: $0.0, events: Int16($0.1), revents: 0) }
    let left = max(.zero, deadline - .now)
    let (seconds, attoseconds) = left.components
    return poll(
      &waiting, nfds_t(waiting.count), Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000) + 1) > 0
  }
}
