import Synchronization

/// Asked for by a person's ^C: nothing new is begun, and what is under way comes to its end.
package final class StopSignal: Sendable {
  private let state = Mutex(State())

  private struct State {
    var isRequested = false
    var sleepers: [Int: CheckedContinuation<Void, Never>] = [:]
    var next = 0
  }

  package init() {}

  package var isRequested: Bool { state.withLock(\.isRequested) }

  /// - Returns: whether it was requested before.
  @discardableResult
  package func request() -> Bool {
    let (wasRequested, sleepers) = state.withLock { state in
      defer { (state.isRequested, state.sleepers) = (true, [:]) }
      return (state.isRequested, state.sleepers.values)
    }
    for sleeper in sleepers { sleeper.resume() }
    return wasRequested
  }

  /// Waits, and no longer than until a stop is requested.
  ///
  /// - Throws: where the task is cancelled.
  /// - Returns: whether the whole time has passed.
  @discardableResult
  package func sleep(for duration: Duration) async throws(CancellationError) -> Bool {
    let hasPassed = await withTaskGroup(of: Bool.self) { group in
      group.addTask { (try? await Task.sleep(for: duration)) != nil }
      group.addTask {
        await self.requested()
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
    guard !Task.isCancelled else { throw CancellationError() }
    return hasPassed
  }

  /// Returns when a stop is requested, or the task is cancelled.
  private func requested() async {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { sleeper in
        let mayWait = state.withLock { state in
          guard !state.isRequested, !Task.isCancelled else { return false }
          state.sleepers[number] = sleeper
          return true
        }
        if !mayWait { sleeper.resume() }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: number) }?.resume()
    }
  }
}
