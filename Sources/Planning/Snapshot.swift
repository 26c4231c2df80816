public import Fleet

/// What the planner decides from: the declared fleet, what has been issued, and what the hosts have.
public struct Snapshot: Sendable {
  public var hosts: [Host]
  public var lineages: [Lineage]
  public var policies: [RolloutPolicy]
  public var newest: [Lineage.Name: Certificate]
  /// Certificates whose visit ended well.
  public var kept: [Host.Name: [Lineage.Name: Certificate]]
  /// Generations that hosts have had before the one that they keep.
  public var former: [Host.Name: [Lineage.Name: Set<Generation>]]
  /// Hosts that were not reached at their last visit.
  public var unreachable: Set<Host.Name>

  public init(
    hosts: [Host], lineages: [Lineage], policies: [RolloutPolicy], newest: [Lineage.Name: Certificate],
    kept: [Host.Name: [Lineage.Name: Certificate]],
    former: [Host.Name: [Lineage.Name: Set<Generation>]] = [:], unreachable: Set<Host.Name> = []
  ) {
    self.hosts = hosts
    self.lineages = lineages
    self.policies = policies
    self.newest = newest
    self.kept = kept
    self.former = former
    self.unreachable = unreachable
  }
}
