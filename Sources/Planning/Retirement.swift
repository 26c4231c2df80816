package import Fleet

/// What is to be taken away from a host.
package struct Retired: Hashable, Sendable {
  package let host: Host
  package let certificate: PlannedCertificate
  /// The policy that brought it there.
  package let policy: RolloutPolicy

  package init(_ certificate: PlannedCertificate, from host: Host, by policy: RolloutPolicy) {
    (self.host, self.certificate, self.policy) = (host, certificate, policy)
  }
}

extension Planner {
  /// Takes certificates away in the waves of the policies that brought them.
  package static func retirement(of retired: [Retired], in snapshot: PlanningSnapshot) -> [Plan] {
    let declared = Dictionary(snapshot.policiesInOrder.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    return Dictionary(grouping: retired, by: \.policy.name).sorted { $0.key < $1.key }.map { name, retired in
      var policy = declared[name] ?? retired[0].policy
      // Nothing goes back, and nothing that others have to bring first matters.
      (policy.onFailure, policy.after) = (.revertHost, [])
      let byHost = Dictionary(grouping: retired, by: \.host)
      let visits = HostSequence(of: policy, in: snapshot).sort(Array(byHost.keys)).map { host in
        PlannedVisit(
          host: host,
          certificates: (byHost[host] ?? []).map(\.certificate).sorted { $0.lineage < $1.lineage })
      }
      return Plan(policy: policy, waves: Waves.slice(visits, by: policy.waves))
    }
  }
}
