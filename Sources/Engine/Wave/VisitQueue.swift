import Fleet

/// Visits that are to be carried out at the same time, as many as the limits allow.
struct VisitQueue {
  private var rest: [Visit]
  private var limits: VisitLimits
  private let shared: SharedVisitLimits?

  /// - Parameter shared: with rollouts that go on beside this one.
  init(_ visits: [Visit], width: Int, limits: [ParallelLimit], shared: SharedVisitLimits? = nil) {
    rest = visits.reversed()
    self.limits = VisitLimits(width: width, limits: limits)
    self.shared = shared
  }

  /// - Parameters:
  ///   - direction: what the visits do.
  ///   - mayBegin: asked before each visit, with the end of the one before that came to it.
  ///   - mayStillBegin: asked once more, where a visit had to wait for those of other rollouts.
  mutating func run(
    _ direction: @escaping @Sendable (Visit) async throws -> VisitEnd?,
    mayBegin: (VisitEnd?) async throws -> Bool,
    mayStillBegin: @escaping @Sendable () async throws -> Bool
  ) async throws {
    try await withThrowingTaskGroup(of: (Host, VisitEnd?).self) { [shared] group in
      var isOpen = try await mayBegin(nil)
      while true {
        while isOpen, let visit = next() {
          group.addTask(executorPreference: visit.ports.connector.executor) {
            guard let shared else { return (visit.host, try await direction(visit)) }
            return (
              visit.host,
              try await shared.during(visit.host) {
                try await mayStillBegin() ? try await direction(visit) : nil
              }
            )
          }
        }
        guard let (host, end) = try await group.next() else { return }
        limits.leave(host)
        // One that was not begun is begun by nobody else.
        isOpen = try await mayBegin(end) && isOpen && end != nil
      }
    }
  }

  /// The first visit that no limit keeps back.
  private mutating func next() -> Visit? {
    guard !limits.isFull, let index = rest.lastIndex(where: { limits.admits($0.host) }) else { return nil }
    let visit = rest.remove(at: index)
    limits.enter(visit.host)
    return visit
  }
}

extension SharedVisitLimits {
  fileprivate nonisolated func during<Value: Sendable>(
    _ host: Host, _ work: @Sendable () async throws -> Value
  ) async throws -> Value {
    await enter(host)
    do {
      let value = try await work()
      await leave(host)
      return value
    } catch {
      await leave(host)
      throw error
    }
  }
}
