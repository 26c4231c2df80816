/// What the planner decides from: the declared fleet, what has been issued, and what the hosts have.
package struct PlanningSnapshot: Sendable {
  package var hosts: [Host]
  package var lineages: [Lineage]
  package var policies: [RolloutPolicy]
  package var newest: [Lineage.Name: Certificate]
  /// Certificates whose visit ended well.
  package var kept: [Host.Name: [Lineage.Name: Certificate]]
  /// Generations that hosts keep and that are not stored here any more.
  package var unknown: [Host.Name: [Lineage.Name: Generation]]
  /// The files that were put there with them, where that is known.
  package var keptFiles: [Host.Name: [Lineage.Name: [FileInstallation]]]
  /// Generations that hosts have had before the one that they keep.
  package var former: [Host.Name: [Lineage.Name: Set<Generation>]]
  /// Hosts whose last visit under a policy did not end well.
  package var backoffs: [RolloutPolicy.Name: [Host.Name: HostBackoff]]
  /// When CAs want certificates replaced.
  package var advice: [Lineage.Name: RenewalAdvice]
  /// What was seen on hosts to be otherwise than they were left.
  package var drift: [Host.Name: [Lineage.Name: OpenDrift]]
  /// Certificates that hosts have and that are not stored here.
  package var onHosts: [Host.Name: [Lineage.Name: Certificate]]

  package init(
    hosts: [Host], lineages: [Lineage], policies: [RolloutPolicy], newest: [Lineage.Name: Certificate],
    kept: [Host.Name: [Lineage.Name: Certificate]],
    keptFiles: [Host.Name: [Lineage.Name: [FileInstallation]]] = [:],
    former: [Host.Name: [Lineage.Name: Set<Generation>]] = [:],
    backoffs: [RolloutPolicy.Name: [Host.Name: HostBackoff]] = [:],
    advice: [Lineage.Name: RenewalAdvice] = [:],
    unknown: [Host.Name: [Lineage.Name: Generation]] = [:],
    drift: [Host.Name: [Lineage.Name: OpenDrift]] = [:],
    onHosts: [Host.Name: [Lineage.Name: Certificate]] = [:]
  ) {
    self.hosts = hosts
    self.lineages = lineages
    self.policies = policies
    self.newest = newest
    self.kept = kept
    self.keptFiles = keptFiles
    self.former = former
    self.backoffs = backoffs
    self.advice = advice
    self.unknown = unknown
    self.drift = drift
    self.onHosts = onHosts
  }
}
