package import Fleet

extension Store {
  /// What the planner decides from, as it was at one moment.
  ///
  /// - Parameter only: the lineages to look at; `nil` for all.
  package func planningSnapshot(only: Set<Lineage.Name>? = nil) throws -> PlanningSnapshot {
    try transaction(.reading) {
      let declared = try declaration()
      let lineages = declared.lineages.flatMap { $0.instances(on: declared.hosts) }
      return PlanningSnapshot(
        hosts: declared.hosts, lineages: lineages.filter { only?.contains($0.name) ?? true },
        policies: declared.policies, newest: try newestCertificates(), kept: try keptCertificates(),
        keptFiles: try keptFiles(), former: try formerGenerations(), backoffs: try backoffs(),
        advice: try renewalAdvice(), unknown: try unknownGenerations(),
        drift: try openDrift(), onHosts: try certificatesOnHosts())
    }
  }
}
