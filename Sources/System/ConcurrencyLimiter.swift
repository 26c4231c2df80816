/// Lets so many in at once, in the order in which they come.
package actor ConcurrencyLimiter {
  private var width: Int
  private var inside = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init(width: Int) { self.width = max(width, 1) }

  package func acquire() async {
    guard inside >= width else {
      inside += 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  package func release() {
    inside -= 1
    while inside < width, !waiting.isEmpty {
      inside += 1
      waiting.removeFirst().resume()
    }
  }

  /// Does what is limited, and makes room again however it ends.
  package nonisolated func withSlot<Value: Sendable>(
    _ work: @Sendable () async throws -> Value
  ) async throws -> Value {
    await acquire()
    do {
      let value = try await work()
      await release()
      return value
    } catch {
      await release()
      throw error
    }
  }

  /// Makes it as narrow as what is inside without the caller, who had no room after all, and leaves. Who comes back waits
  /// until another has left.
  ///
  /// - Returns: whether there is another; nobody would ever make room else.
  package func releaseForWantOfRoom() -> Bool {
    // Before leaving, which would let another in.
    width = max(min(width, inside - 1), 1)
    release()
    return inside > 0
  }
}
