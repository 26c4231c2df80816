import CSSH2
import FoundationEssentials
import Glibc
import Synchronization
import System

extension EventLoop {
  /// Does what blocks on a thread of its own, and waits for it here.
  ///
  /// - Returns: `nil` where the deadline came first; what was begun goes on, and nobody hears of its end.
  /// - Throws: `exhausted`, where this machine has no descriptor left.
  func aside<Value: Sendable>(
    until deadline: ContinuousClock.Instant, isolation: isolated (any Actor)? = #isolation,
    _ work: @escaping @Sendable () -> Value
  ) async throws(SSHFailure) -> Value? {
    let answer = try Answer<Value>()
    SystemThread.start { answer.give(work()) }
    _ = await wait(for: answer.doorbell, reading: true, writing: false, until: deadline)
    return answer.given
  }
}

/// What comes from another thread, perhaps when nobody waits for it any more.
private final class Answer<Value: Sendable>: Sendable {
  let doorbell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
  private let value = Mutex<Value?>(nil)

  init() throws(SSHFailure) {
    guard doorbell >= 0 else { throw .exhausted(String(cString: strerror(errno)).lowercased()) }
  }

  deinit { close(doorbell) }

  var given: Value? { value.withLock { $0 } }

  func give(_ given: Value) {
    value.withLock { $0 = given }
    eventfd_write(doorbell, 1)
  }
}
