public import Fleet
public import Foundation
public import struct Fleet.Host

/// Desired against actual. The same snapshot always gives the same plans.
public enum Planner {
  /// One plan for each rollout policy that has something due, in the policies' order.
  public static func plans(for snapshot: Snapshot, at now: Date) -> [Plan] {
    let policies = [RolloutPolicy.standard] + snapshot.policies
    return policies.compactMap { policy in
      let visits = inOrder(snapshot).compactMap { host -> PlannedVisit? in
        let due = wanted(on: host, under: policy.name, in: snapshot, at: now)
          .filter { snapshot.kept[host.name]?[$0.lineage]?.generation != $0.generation }
          .map { certificate in
            var certificate = certificate
            certificate.replaces = snapshot.kept[host.name]?[certificate.lineage]?.fingerprint
            certificate.isReturn =
              snapshot.former[host.name]?[certificate.lineage]?.contains(certificate.generation) ?? false
            return certificate
          }
        return due.isEmpty ? nil : PlannedVisit(host: host, certificates: due)
      }
      return visits.isEmpty ? nil : Plan(policy: policy, waves: Waves.slice(visits, into: policy.waves))
    }
  }

  /// Whether a plan that was frozen earlier is still what is wanted: its policy, and on each of its hosts the
  /// same generations, hooks and checks.
  public static func isCurrent(_ plan: Plan, in snapshot: Snapshot, at now: Date) -> Bool {
    let policies = [RolloutPolicy.standard] + snapshot.policies
    guard policies.contains(plan.policy) else { return false }
    let hosts = Dictionary(snapshot.hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    return plan.visits.allSatisfy { visit in
      guard hosts[visit.host.name] == visit.host else { return false }
      let wanted = wanted(on: visit.host, under: plan.policy.name, in: snapshot, at: now)
      return visit.certificates.allSatisfy { certificate in
        var certificate = certificate
        certificate.replaces = nil
        certificate.isReturn = false
        return wanted.contains(certificate)
      }
    }
  }

  /// Everything that is declared for a host, whether it is due there or even issued: what a preflight looks for.
  public static func everything(on host: Host, in snapshot: Snapshot) -> PlannedVisit {
    let certificates = snapshot.lineages.sorted { $0.name < $1.name }.compactMap { lineage in
      let deployments = lineage.deployments.filter { $0.selector.matches(host) }
      return deployments.isEmpty
        ? nil : planned(lineage, as: snapshot.newest[lineage.name], by: deployments)
    }
    return PlannedVisit(host: host, certificates: certificates)
  }

  /// By name; hosts that were not reached last time go last, so that a dead one is not the canary for ever. One
  /// that failed keeps its place: whatever broke it is tried on it again before it meets another.
  private static func inOrder(_ snapshot: Snapshot) -> [Host] {
    let byName = snapshot.hosts.sorted { $0.name < $1.name }
    return byName.filter { !snapshot.unreachable.contains($0.name) }
      + byName.filter { snapshot.unreachable.contains($0.name) }
  }

  /// Every certificate that a host is to have under a policy. One that is not valid now goes nowhere.
  private static func wanted(
    on host: Host, under policy: RolloutPolicy.Name, in snapshot: Snapshot, at now: Date
  ) -> [PlannedCertificate] {
    snapshot.lineages.sorted { $0.name < $1.name }.compactMap { lineage in
      let deployments = lineage.deployments.filter {
        $0.policy == policy && $0.selector.matches(host)
      }
      guard !deployments.isEmpty, let newest = snapshot.newest[lineage.name], newest.isValid(at: now) else {
        return nil
      }
      return planned(lineage, as: newest, by: deployments)
    }
  }

  private static func planned(
    _ lineage: Lineage, as certificate: Certificate?, by deployments: [Deployment]
  ) -> PlannedCertificate {
    PlannedCertificate(
      lineage: lineage.name, generation: certificate?.generation ?? Generation(1),
      fingerprint: certificate?.fingerprint ?? "-", domains: certificate?.names ?? lineage.domains,
      files: deployments.flatMap(\.files).unique,
      hooks: Hooks(
        pre: deployments.flatMap(\.hooks.pre).unique, deploy: deployments.flatMap(\.hooks.deploy).unique,
        post: deployments.flatMap(\.hooks.post).unique,
        directories: deployments.flatMap(\.hooks.directories).unique,
        isCoalesced: deployments.contains(where: \.hooks.isCoalesced)),
      verify: deployments.flatMap(\.verify).unique)
  }
}

extension Array where Element: Hashable {
  /// Without repetitions, in the order of first appearance.
  fileprivate var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
