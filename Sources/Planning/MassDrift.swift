import Fleet

/// Many hosts that have drifted at once: the error may be ours, or the mending may do harm, so a person looks first.
enum MassDrift {
  /// So many are nothing to stop for, however few hosts there are.
  private static let tolerated = 3

  /// - Parameter amongHosts: how many hosts the policy has.
  /// - Returns: the visits that only mend, where they are too many; and the others.
  static func apart(_ visits: [PlannedVisit], amongHosts count: Int) -> (
    mass: [PlannedVisit], others: [PlannedVisit]
  ) {
    let mending = visits.filter(\.isMending)
    guard mending.count > tolerated, mending.count * 10 > count else { return ([], visits) }
    return (mending, visits.filter { !$0.isMending })
  }

  static func plan(of visits: [PlannedVisit], under policy: RolloutPolicy) -> Plan {
    var plan = Plan(policy: policy, waves: Waves.slice(visits, by: policy.waves))
    plan.waves[0].rule.needsApproval = true
    return plan
  }
}
