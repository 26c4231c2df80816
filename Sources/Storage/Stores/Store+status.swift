package import Fleet
import FoundationEssentials

extension Store {
  /// A generation that became active on a host and is not known to be gone.
  private struct Placement {
    let host: Host.Name
    let lineage: Lineage.Name
    let generation: Generation
    let activeAt: Date
    let isKept: Bool
  }

  private func activePlacements() throws -> [Placement] {
    try database.rows(
      """
      SELECT host, lineage, generation, active_at, kept_at FROM placement
      WHERE gone_at IS NULL AND active_at IS NOT NULL
      """
    ) {
      Placement(
        host: Host.Name($0.text(0)), lineage: Lineage.Name($0.text(1)), generation: Generation($0.integer(2)),
        activeAt: $0.moment(3), isKept: !$0.isNull(4))
    }
  }

  /// The certificate that each host keeps of each lineage.
  package func keptCertificates() throws -> [Host.Name: [Lineage.Name: Certificate]] {
    let kept = try database.rows(
      """
      SELECT p.host, c.facts, c.form FROM placement AS p JOIN certificate AS c USING (lineage, generation)
      WHERE p.gone_at IS NULL AND p.kept_at IS NOT NULL
      """
    ) { (Host.Name($0.text(0)), try $0.json(1, form: 2) as Certificate) }
    return kept.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1.lineage] = $1.1 }
  }

  /// Generations that hosts keep and that are not stored any more, as after the database was restored from an older copy.
  package func unknownGenerations() throws -> [Host.Name: [Lineage.Name: Generation]] {
    let unknown = try database.rows(
      """
      SELECT p.host, p.lineage, MAX(p.generation) FROM placement AS p LEFT JOIN certificate AS c USING (lineage, generation)
      WHERE p.gone_at IS NULL AND p.kept_at IS NOT NULL AND c.lineage IS NULL GROUP BY p.host, p.lineage
      """
    ) { (Host.Name($0.text(0)), Lineage.Name($0.text(1)), Generation($0.integer(2))) }
    return unknown.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1] = $1.2 }
  }

  /// The further files that were put on each host with the certificate that it keeps, where that is known.
  package func keptFiles() throws -> [Host.Name: [Lineage.Name: [FileInstallation]]] {
    let kept = try database.rows(
      """
      SELECT host, lineage, files FROM placement
      WHERE gone_at IS NULL AND kept_at IS NOT NULL AND files IS NOT NULL
      """
    ) { (Host.Name($0.text(0)), Lineage.Name($0.text(1)), $0.text(2)) }
    // Thousands of hosts have the same few lists.
    var read: [String: [FileInstallation]] = [:]
    return try kept.reduce(into: [:]) { all, row in
      let files = try read[row.2] ?? FleetJSON.decode(row.2, as: [FileInstallation].self)
      read[row.2] = files
      all[row.0, default: [:]][row.1] = files
    }
  }

  /// The generations that hosts have kept and left again for others: what they can go back to without being sent a key.
  package func formerGenerations() throws -> [Host.Name: [Lineage.Name: Set<Generation>]] {
    let former = try database.rows(
      "SELECT host, lineage, generation FROM placement WHERE gone_at IS NOT NULL AND kept_at IS NOT NULL"
    ) { (Host.Name($0.text(0)), Lineage.Name($0.text(1)), Generation($0.integer(2))) }
    return former.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1, default: []].insert($1.2) }
  }

  /// How a host's last visit for a lineage ended.
  private struct LastResult {
    let rollout: Rollout.ID
    let end: VisitEnd?
    let reason: String
    let at: Date
  }

  private func lastResults() throws -> Places<LastResult> {
    var results = Places<LastResult>()
    _ = try database.rows("SELECT host, lineage, rollout, end, reason, at FROM last_result") {
      results[Lineage.Name($0.text(1)), Host.Name($0.text(0))] = LastResult(
        rollout: Rollout.ID($0.integer(2)), end: VisitEnd(rawValue: $0.text(3)), reason: $0.text(4),
        at: $0.moment(5))
    }
    return results
  }

  /// One row for every host that a certificate is deployed to: what it should have, what it has, how it last went.
  package func statuses() throws -> [HostCertificateStatus] {
    let certificates = try allCertificates()
    let facts = Dictionary(
      certificates.map { (CertificateKey(lineage: $0.lineage, generation: $0.generation), $0) },
      uniquingKeysWith: { $1 })
    let newest = try newestCertificates()
    var placed = Places<Placement>()
    for placement in try activePlacements() {
      let known = placed[placement.lineage, placement.host]
      if known.map({ $0.activeAt < placement.activeAt }) ?? true {
        placed[placement.lineage, placement.host] = placement
      }
    }
    var seen = Places<Observation>()
    for (host, lineage, observation) in try observationRows() { seen[lineage, host] = observation }
    let (results, hosts) = (try lastResults(), try hosts())
    let onHosts = try certificatesOnHosts()
    return try lineages().flatMap { $0.instances(on: hosts) }.flatMap { lineage in
      let (placed, results, newest) = (placed[lineage.name], results[lineage.name], newest[lineage.name])
      let (seen, asksAll) = (seen[lineage.name], lineage.asksAll)
      return lineage.hosts(among: hosts).map { host in
        let (active, last) = (placed[host.name], results[host.name])
        let found = onHosts[host.name]?[lineage.name]
        let fact =
          active.flatMap { facts[CertificateKey(lineage: lineage.name, generation: $0.generation)] } ?? found
        let seen = seen[host.name]
        let hasEndpoints = asksAll ?? !lineage.questions(to: host).isEmpty
        return HostCertificateStatus(
          host: host.name, lineage: lineage.name, wanted: [newest, found].compactMap(\.?.generation).max(),
          active: active?.generation, activeSince: active?.activeAt, isKept: active?.isKept ?? false,
          fingerprint: fact?.fingerprint,
          expires: fact?.notAfter, lastEnd: last?.end, lastAt: last?.at, lastReason: last?.reason ?? "",
          lastRollout: last?.rollout,
          seenAt: seen?.seenAt(hasEndpoints: hasEndpoints), drift: seen?.drift?.drift,
          driftedAt: seen?.drift?.seenAt)
      }
    }
  }

  /// A value for each certificate on each host.
  private struct Places<Value> {
    private var values: [Lineage.Name: [Host.Name: Value]] = [:]

    subscript(lineage: Lineage.Name) -> [Host.Name: Value] { values[lineage] ?? [:] }

    subscript(lineage: Lineage.Name, host: Host.Name) -> Value? {
      get { values[lineage]?[host] }
      set { values[lineage, default: [:]][host] = newValue }
    }
  }

  private struct CertificateKey: Hashable {
    let lineage: Lineage.Name
    let generation: Generation
  }
}
