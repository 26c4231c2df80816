import Fleet

/// Visits that are to be carried out at the same time, as many as the limits allow.
struct VisitQueue {
  private var rest: [Visit]
  private let width: Int
  private let limits: [ParallelLimit]
  private var atWork: [Place: Int] = [:]
  private var running = 0

  /// What a visit counts towards: a limit, and the group in it.
  private struct Place: Hashable {
    let limit: Int
    let group: String
  }

  init(_ visits: [Visit], width: Int, limits: [ParallelLimit]) {
    rest = visits.reversed()
    self.width = width
    self.limits = limits
  }

  /// - Parameters:
  ///   - direction: what the visits do.
  ///   - mayBegin: asked before each visit, with the end of the one before that came to it.
  mutating func run(
    _ direction: @escaping @Sendable (Visit) async throws -> VisitEnd,
    mayBegin: (VisitEnd?) async throws -> Bool
  ) async throws {
    try await withThrowingTaskGroup(of: (Host, VisitEnd).self) { group in
      var isOpen = try await mayBegin(nil)
      while true {
        while isOpen, let visit = next() {
          group.addTask(executorPreference: visit.ports.connector.executor) {
            (visit.host, try await direction(visit))
          }
        }
        guard let (host, end) = try await group.next() else { return }
        ended(host)
        isOpen = try await mayBegin(end) && isOpen
      }
    }
  }

  /// The first visit that no limit keeps back.
  private mutating func next() -> Visit? {
    guard running < width else { return nil }
    guard
      let index = rest.lastIndex(where: { visit in
        places(of: visit.host).allSatisfy { atWork[$0, default: 0] < limits[$0.limit].parallel }
      })
    else { return nil }
    let visit = rest.remove(at: index)
    running += 1
    for place in places(of: visit.host) { atWork[place, default: 0] += 1 }
    return visit
  }

  private mutating func ended(_ host: Host) {
    running -= 1
    for place in places(of: host) { atWork[place, default: 1] -= 1 }
  }

  private func places(of host: Host) -> [Place] {
    limits.enumerated().compactMap { index, limit in
      limit.group(of: host).map { Place(limit: index, group: $0) }
    }
  }
}
