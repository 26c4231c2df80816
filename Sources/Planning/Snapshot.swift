package import Fleet
package import struct Fleet.Host

/// What the planner decides from: the declared fleet, what has been issued, and what the hosts have.
package struct Snapshot: Sendable {
  package var hosts: [Host]
  package var lineages: [Lineage]
  package var policies: [RolloutPolicy]
  package var newest: [Lineage.Name: Certificate]
  /// Certificates whose visit ended well.
  package var kept: [Host.Name: [Lineage.Name: Certificate]]
  /// Generations that hosts keep and that are not stored here any more.
  package var unknown: [Host.Name: [Lineage.Name: Generation]] = [:]
  /// The files that were put there with them, where that is known.
  package var keptFiles: [Host.Name: [Lineage.Name: [FileInstallation]]]
  /// Generations that hosts have had before the one that they keep.
  package var former: [Host.Name: [Lineage.Name: Set<Generation>]]
  /// Hosts whose last visit under a policy did not end well.
  package var setbacks: [RolloutPolicy.Name: [Host.Name: Setback]]
  /// When CAs want certificates replaced.
  package var advice: [Lineage.Name: RenewalAdvice]

  package init(
    hosts: [Host], lineages: [Lineage], policies: [RolloutPolicy], newest: [Lineage.Name: Certificate],
    kept: [Host.Name: [Lineage.Name: Certificate]],
    keptFiles: [Host.Name: [Lineage.Name: [FileInstallation]]] = [:],
    former: [Host.Name: [Lineage.Name: Set<Generation>]] = [:],
    setbacks: [RolloutPolicy.Name: [Host.Name: Setback]] = [:],
    advice: [Lineage.Name: RenewalAdvice] = [:]
  ) {
    self.hosts = hosts
    self.lineages = lineages
    self.policies = policies
    self.newest = newest
    self.kept = kept
    self.keptFiles = keptFiles
    self.former = former
    self.setbacks = setbacks
    self.advice = advice
  }

  /// The standard policy and the declared ones, each after those that it is to wait for, else as declared.
  var policiesInOrder: [RolloutPolicy] {
    let standard = RolloutPolicy.standard
    var rest = policies.contains { $0.name == standard.name } ? policies : [standard] + policies
    var ordered: [RolloutPolicy] = []
    while !rest.isEmpty {
      // What waits for itself in a circle is refused when it is declared.
      let next = rest.firstIndex { policy in !rest.contains { policy.after.contains($0.name) } } ?? 0
      ordered.append(rest.remove(at: next))
    }
    return ordered
  }
}
