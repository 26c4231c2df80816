package import Fleet

/// How many hosts of a group may go wrong. It is counted from the ends themselves, never kept.
package struct Budget: Hashable, Sendable {
  private let maxFailed: Int
  private var maxUnreachable: Int
  private let scope: String

  /// The budget of a whole rollout.
  package init(of plan: Plan) {
    self.init(plan.policy.maxFailed, plan.policy.maxUnreachable, hosts: plan.hostCount, scope: "the rollout")
  }

  /// The budget of a wave: its own, or else the policy's.
  ///
  /// - Parameter number: from 1.
  package init(ofWave number: Int, in plan: Plan) {
    let (wave, policy) = (plan.waves[number - 1], plan.policy)
    self.init(
      wave.rule.maxFailed ?? policy.maxFailed, wave.rule.maxUnreachable ?? policy.maxUnreachable,
      hosts: wave.visits.count, scope: "wave \(number)")
    // Others take the places of those that are not reached, so that the rollout's bound counts.
    if wave.isOfFixedSize, wave.rule.maxUnreachable == nil {
      maxUnreachable = policy.maxUnreachable.unreachable(of: plan.hostCount)
    }
  }

  init(_ maxFailed: Limit, _ maxUnreachable: Limit, hosts: Int, scope: String) {
    self.maxFailed = maxFailed.hosts(of: hosts)
    self.maxUnreachable = maxUnreachable.unreachable(of: hosts)
    self.scope = scope
  }

  /// Why these ends, of hosts that have ended so far, are more than is allowed; `nil` while they are not.
  package func broken(by ends: some Collection<VisitEnd>) -> String? {
    let failed = ends.count { $0.account == .failure }
    let unreachable = ends.count { $0.account == .unreachable }
    if failed > maxFailed { return "\(failed) failed in \(scope), \(maxFailed) allowed" }
    if unreachable > maxUnreachable {
      return "\(unreachable) unreachable in \(scope), \(maxUnreachable) allowed"
    }
    return nil
  }

  /// As `broken`, for a group whose hosts have all ended: at least one must have succeeded.
  ///
  /// - Parameter placedIsEnough: whether one that is placed will do: nobody after it is served by us yet.
  package func brokenAtEnd(by ends: some Collection<VisitEnd>, placedIsEnough: Bool = false) -> String? {
    if let broken = broken(by: ends) { return broken }
    guard !ends.isEmpty, !ends.contains(where: { $0.account == .success }) else { return nil }
    let isPlaced = ends.contains { $0 == .placed }
    if isPlaced, placedIsEnough { return nil }
    return isPlaced
      ? "no host of \(scope) serves the new certificate yet, and others are served by certfleet already"
      : "no host of \(scope) succeeded"
  }
}
