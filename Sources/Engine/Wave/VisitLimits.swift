package import Fleet

/// How many visits may be at work at once: in all, and within each of a policy's limits.
struct VisitLimits {
  private let width: Int
  private let limits: [ParallelLimit]
  private var atWork: [Place: Int] = [:]
  private var running = 0

  /// What a visit counts towards: a limit, and the group in it.
  private struct Place: Hashable {
    let limit: Int
    let group: String
  }

  init(width: Int, limits: [ParallelLimit]) {
    self.width = width
    self.limits = limits
  }

  var isFull: Bool { running >= width }

  func admits(_ host: Host) -> Bool {
    !isFull && places(of: host).allSatisfy { atWork[$0, default: 0] < limits[$0.limit].parallel }
  }

  mutating func enter(_ host: Host) {
    running += 1
    for place in places(of: host) { atWork[place, default: 0] += 1 }
  }

  mutating func leave(_ host: Host) {
    running -= 1
    for place in places(of: host) { atWork[place, default: 1] -= 1 }
  }

  private func places(of host: Host) -> [Place] {
    limits.enumerated().compactMap { index, limit in
      limit.group(of: host).map { Place(limit: index, group: $0) }
    }
  }
}

/// The same over all rollouts that go side by side under one policy.
package actor SharedVisitLimits {
  private var limits: VisitLimits
  private var waiting: [(host: Host, begin: CheckedContinuation<Void, Never>)] = []

  package init(of policy: RolloutPolicy) {
    limits = VisitLimits(width: policy.parallel, limits: policy.limits)
  }

  /// Returns when the host may be visited; `leave` is owed.
  func enter(_ host: Host) async {
    if waiting.isEmpty, limits.admits(host) {
      limits.enter(host)
    } else {
      await withCheckedContinuation { waiting.append((host, $0)) }
    }
  }

  func leave(_ host: Host) {
    limits.leave(host)
    while let index = waiting.firstIndex(where: { limits.admits($0.host) }) {
      let next = waiting.remove(at: index)
      limits.enter(next.host)
      next.begin.resume()
    }
  }
}
