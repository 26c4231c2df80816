import Foundation
import Synchronization

/// Waits for a condition, and says what it was when it does not come true.
package func eventually(
  _ what: @autoclosure () -> String, within limit: Duration = .seconds(120),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw Program.Failed("not within \(limit): \(what())") }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// A value that comes once, for any number of waiters.
final class Promise<Value: Sendable>: Sendable {
  private let state = Mutex<(value: Value?, waiters: [CheckedContinuation<Value, Never>])>((nil, []))

  func fulfil(_ value: Value) {
    let waiters = state.withLock { state in
      defer { state = (value, []) }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: value) }
  }

  var value: Value {
    get async {
      await withCheckedContinuation { waiter in
        let known = state.withLock { state -> Value? in
          if state.value == nil { state.waiters.append(waiter) }
          return state.value
        }
        if let known { waiter.resume(returning: known) }
      }
    }
  }
}
