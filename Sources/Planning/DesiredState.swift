import Fleet
import FoundationEssentials

/// What hosts are to have under one policy.
struct DesiredState {
  private let lineages: [(lineage: Lineage, newest: Certificate, deployments: [Deployment])]

  /// A certificate that is not valid now goes nowhere.
  init(of policy: RolloutPolicy.Name, in snapshot: PlanningSnapshot, at now: Date) {
    lineages = snapshot.lineages.sorted { $0.name < $1.name }.compactMap { lineage in
      let deployments = lineage.deployments.filter { $0.policy == policy }
      guard !deployments.isEmpty, let newest = snapshot.newest[lineage.name], newest.isValid(at: now) else {
        return nil
      }
      return (lineage, newest, deployments)
    }
  }

  func certificates(for host: Host) -> [PlannedCertificate] {
    lineages.compactMap { entry in
      let deployments = entry.deployments.filter { $0.selector.matches(host) }
      return deployments.isEmpty ? nil : Self.planned(entry.lineage, as: entry.newest, by: deployments)
    }
  }

  static func planned(
    _ lineage: Lineage, as certificate: Certificate?, by deployments: [Deployment]
  ) -> PlannedCertificate {
    PlannedCertificate(
      lineage: lineage.name, generation: certificate?.generation ?? Generation(1),
      fingerprint: certificate?.fingerprint ?? PlannedCertificate.notIssued,
      domains: certificate?.names ?? lineage.domains,
      files: deployments.flatMap(\.files).unique, layout: deployments.lazy.compactMap(\.layout).first,
      hooks: Hooks(
        pre: deployments.flatMap(\.hooks.pre).unique, deploy: deployments.flatMap(\.hooks.deploy).unique,
        post: deployments.flatMap(\.hooks.post).unique,
        retire: deployments.flatMap(\.hooks.retire).unique,
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
