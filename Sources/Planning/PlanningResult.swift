package import Fleet

/// What the planner made of a snapshot: the plans in the order in which they go, and what has to wait.
package struct PlanningResult: Sendable {
  package var plans: [Plan] = []
  package var deferred: [DeferredHost] = []
  /// Hosts that have a newer certificate than any that is stored here: they are not taken back by themselves.
  package var ahead: [HostAhead] = []
  /// Hosts that have drifted and are not mended.
  package var drifted: [DriftedHost] = []
  /// Policies under which hosts have not what they should have, beyond what a rollout that passed has tolerated.
  package var unfinished: Set<RolloutPolicy.Name> = []

  /// The plans of each policy together.
  package var plansByPolicy: [[Plan]] {
    plans.reduce(into: []) { groups, plan in
      if groups.last?.last?.policy.name == plan.policy.name {
        groups[groups.count - 1].append(plan)
      } else {
        groups.append([plan])
      }
    }
  }
}

/// What is asked for beyond what is due.
package struct PlanRequest: Hashable, Sendable {
  package var push: Push
  /// Whether hosts that failed are tried before their pause is over.
  package var ignoresPauses: Bool
  /// The hosts to look at; `nil` for all.
  package var hosts: Set<Host.Name>?
  /// Hosts that are known beforehand not to let us in.
  package var leftOut: Set<Host.Name> = []
  /// Hosts that are known beforehand not to be reached now.
  package var unreachable: Set<Host.Name> = []
  /// What rollouts that wait are to bring, which no second one brings meanwhile.
  package var underWay: [RolloutPolicy.Name: Set<Lineage.Name>] = [:]

  func isUnderWay(_ lineage: Lineage.Name, under policy: RolloutPolicy.Name) -> Bool {
    underWay[policy]?.contains(lineage) ?? false
  }

  package enum Push: Hashable, Sendable {
    /// What is not where it should be.
    case due
    /// What is already there as well.
    case everything
    /// The hooks of what is there, and nothing else.
    case hooksOnly
  }

  package init(push: Push = .due, ignoresPauses: Bool = false, hosts: Set<Host.Name>? = nil) {
    self.push = push
    self.ignoresPauses = ignoresPauses
    self.hosts = hosts
  }
}
