package import Fleet
import FoundationEssentials

extension Store {
  /// A generation that became active on a host and is not known to be gone.
  private struct Placement {
    let generation: Generation
    let activeAt: Date
    let isKept: Bool
  }

  /// The one that became active last, of each place.
  private func activePlacements(_ index: PlaceIndex) throws -> [Placement?] {
    try index.values(
      from: database,
      """
      SELECT host, lineage, generation, active_at, kept_at FROM placement
      WHERE gone_at IS NULL AND active_at IS NOT NULL
      """
    ) {
      Placement(generation: Generation($0.integer(2)), activeAt: $0.moment(3), isKept: !$0.isNull(4))
    } choosing: {
      $0.activeAt < $1.activeAt ? $1 : $0
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

  private func lastResults(_ index: PlaceIndex) throws -> [LastResult?] {
    try index.values(from: database, #"SELECT host, lineage, rollout, "end", reason, at FROM last_result"#) {
      LastResult(
        rollout: Rollout.ID($0.integer(2)), end: VisitEnd(rawValue: $0.text(3)), reason: $0.text(4),
        at: $0.moment(5))
    }
  }

  /// What is told of a certificate beside each host that has it.
  private struct Fact {
    let fingerprint: Fingerprint
    let expires: Date

    init(_ certificate: Certificate) {
      (fingerprint, expires) = (certificate.fingerprint, certificate.notAfter)
    }
  }

  /// One row for every host that a certificate is deployed to: what it should have, what it has, how it last went.
  package func statuses() throws -> [HostCertificateStatus] {
    let hosts = try hosts()
    let index = PlaceIndex(hosts, try lineages().flatMap { $0.instances(on: hosts) })
    let facts = Dictionary(grouping: try allCertificates(), by: \.lineage).mapValues { certificates in
      Dictionary(certificates.map { ($0.generation, Fact($0)) }, uniquingKeysWith: { $1 })
    }
    let newest = try newestCertificates()
    let placed = try activePlacements(index)
    let seen = try observations(index)
    let results = try lastResults(index)
    // To look for what is not stored takes long where everything is.
    let isAllStored = index.lineages.enumerated().allSatisfy { number, lineage in
      let facts = facts[lineage.name] ?? [:]
      return placed[index.places(of: number)].allSatisfy { $0.map { facts[$0.generation] != nil } ?? true }
    }
    let onHosts = isAllStored ? [:] : try certificatesOnHosts()
    var statuses: [HostCertificateStatus] = []
    statuses.reserveCapacity(index.count)
    for (number, lineage) in index.lineages.enumerated() {
      let (facts, newest, asksAll) = (
        facts[lineage.name] ?? [:], newest[lineage.name]?.generation, lineage.asksAll
      )
      for (place, hostNumber) in zip(index.places(of: number), index.hosts(of: number)) {
        let (active, last, seen, name) = (placed[place], results[place], seen[place], hosts[hostNumber].name)
        let found = onHosts.isEmpty ? nil : onHosts[name]?[lineage.name]
        let fact = active.flatMap { facts[$0.generation] } ?? found.map(Fact.init)
        let hasEndpoints = asksAll ?? !lineage.questions(to: hosts[hostNumber]).isEmpty
        statuses.append(
          HostCertificateStatus(
            host: name, lineage: lineage.name,
            wanted: found == nil ? newest : [newest, found?.generation].compactMap(\.self).max(),
            active: active?.generation, activeSince: active?.activeAt, isKept: active?.isKept ?? false,
            fingerprint: fact?.fingerprint, expires: fact?.expires,
            lastEnd: last?.end, lastAt: last?.at, lastReason: last?.reason ?? "", lastRollout: last?.rollout,
            seenAt: seen?.seenAt(hasEndpoints: hasEndpoints), drift: seen?.drift?.drift,
            driftedAt: seen?.drift?.seenAt))
      }
    }
    return statuses
  }
}
