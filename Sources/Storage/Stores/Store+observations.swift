package import Fleet
import FoundationEssentials

/// What was seen on hosts, and when.
extension Store {
  package func observations() throws -> [Host.Name: [Lineage.Name: Observation]] {
    try observations("", [])
  }

  /// Of some hosts; where they are many all are read.
  private func observations(of hosts: Set<Host.Name>) throws -> [Host.Name: [Lineage.Name: Observation]] {
    guard !hosts.isEmpty else { return [:] }
    guard hosts.count <= 100 else { return try observations() }
    let places = hosts.map { _ in "?" }.joined(separator: ", ")
    return try observations("WHERE host IN (\(places))", hosts.map { .text($0.rawValue) })
  }

  private func observations(
    _ condition: String, _ values: [DatabaseValue]
  ) throws -> [Host.Name: [Lineage.Name: Observation]] {
    try database.rows("\(Self.observationColumns) FROM observation \(condition)", values) {
      (Host.Name($0.text(0)), Lineage.Name($0.text(1)), Self.observation($0))
    }.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1] = $1.2 }
  }

  /// By the number of the place.
  func observations(_ index: PlaceIndex) throws -> [Observation?] {
    try index.values(from: database, "\(Self.observationColumns) FROM observation") { Self.observation($0) }
  }

  /// Drift that was not mended yet.
  func openDrift() throws -> [Host.Name: [Lineage.Name: OpenDrift]] {
    try database.rows("\(Self.observationColumns) FROM observation WHERE drift IS NOT NULL") {
      (Host.Name($0.text(0)), Lineage.Name($0.text(1)), Self.observation($0))
    }
    .reduce(into: [:]) { $0[$1.0, default: [:]][$1.1] = $1.2.drift }
  }

  private static let observationColumns =
    "SELECT host, lineage, disk_at, served_at, failure, drift, detail, drifted_at, fingerprint, mends, mended_at, looked_at"

  private static func observation(_ row: any DatabaseRow) -> Observation {
    var drift: OpenDrift?
    if let kind = row.optionalText(5).flatMap(Drift.Kind.init(rawValue:)) {
      let seenAt = row.moment(7)
      // What drifted again later than a day after it was mended is a case of its own.
      let isSoon = row.optionalMoment(10).map { seenAt.timeIntervalSince($0) < Self.day } ?? false
      drift = OpenDrift(
        Drift(kind, row.text(6)), seenAt: seenAt, fingerprint: row.optionalText(8).map { Fingerprint($0) },
        mends: isSoon ? row.integer(9) : 0)
    }
    return Observation(
      diskAt: row.optionalMoment(2), servedAt: row.optionalMoment(3), lookedAt: row.optionalMoment(11),
      failure: row.text(4), drift: drift)
  }

  private static let day = 86400.0

  /// Keeps what looks saw, all or nothing; what a visit has changed meanwhile is not overwritten. Drift that is new is logged.
  ///
  /// - Returns: those of what this state did not know until now.
  package func keep(_ sightings: [Sighting]) throws -> [Sighting] {
    try transaction {
      let known = try observations(of: Set(sightings.map(\.host)))
      var taken: [Sighting] = []
      for sighting in sightings {
        let before = known[sighting.host]?[sighting.lineage]
        if let changed = before?.diskAt, changed > sighting.at { continue }
        let after = (before ?? Observation()).taking(sighting)
        try write(after, of: sighting)
        if sighting.isTakenOver, let generation = sighting.generation,
          try takeOver(generation, sighting)
        {
          taken.append(sighting)
        }
        if sighting.isForgotten { try forgetUnknown(sighting) }
        if let drift = after.drift?.drift, drift != before?.drift?.drift {
          try append(
            Event(
              at: sighting.at, subject: .init(host: sighting.host, lineage: sighting.lineage),
              kind: .note(.drifted, text: "\(drift.kind.words): \(drift.detail)")))
        }
      }
      return taken
    }
  }

  private func write(_ observation: Observation, of sighting: Sighting) throws {
    func moment(_ date: Date?) -> DatabaseValue { date.map(DatabaseValue.moment) ?? .null }
    let (drift, seen) = (observation.drift, sighting.certificate)
    try database.run(
      """
      INSERT INTO observation (host, lineage, disk_at, served_at, failure, drift, detail, drifted_at, looked_at, generation,
        fingerprint, names, not_before, not_after, key)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (host, lineage) DO UPDATE SET disk_at = excluded.disk_at, served_at = excluded.served_at,
        failure = excluded.failure, drift = excluded.drift, detail = excluded.detail, drifted_at = excluded.drifted_at,
        looked_at = COALESCE(excluded.looked_at, observation.looked_at), generation = COALESCE(excluded.generation, observation.generation),
        fingerprint = COALESCE(excluded.fingerprint, observation.fingerprint), names = COALESCE(excluded.names, observation.names),
        not_before = COALESCE(excluded.not_before, observation.not_before), not_after = COALESCE(excluded.not_after, observation.not_after),
        key = COALESCE(excluded.key, observation.key)
      """,
      [
        .text(sighting.host.rawValue), .text(sighting.lineage.rawValue), moment(observation.diskAt),
        moment(observation.servedAt), .text(observation.failure), .optional(drift?.drift.kind.rawValue),
        .text(drift?.drift.detail ?? ""), moment(drift?.seenAt),
        sighting.disk.isUnseen ? .null : .moment(sighting.at), .optional(sighting.generation?.number),
        .optional(seen?.fingerprint.rawValue),
        try seen.map { .text(try FleetJSON.canonical($0.names)) } ?? .null,
        moment(seen?.notBefore), moment(seen?.notAfter), seen == nil ? .null : .text(sighting.key.rawValue),
      ])
  }

  /// From now on the host is known to have it.
  ///
  /// - Returns: whether it was not known until now.
  private func takeOver(_ generation: Generation, _ sighting: Sighting) throws -> Bool {
    let key: [DatabaseValue] = [
      .text(sighting.host.rawValue), .text(sighting.lineage.rawValue), .integer(generation.number),
    ]
    let at = DatabaseValue.moment(sighting.at)
    let isKnown = try !database.rows(
      """
      SELECT 1 FROM placement WHERE host = ? AND lineage = ? AND generation = ? AND gone_at IS NULL AND kept_at IS NOT NULL
      """, key
    ) { $0.integer(0) }.isEmpty
    guard !isKnown else { return false }
    // How a visit ended before that says nothing of it.
    try database.run("DELETE FROM last_result WHERE host = ? AND lineage = ?", Array(key.prefix(2)))
    try database.run(
      """
      INSERT INTO placement (host, lineage, generation, active_at, kept_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (host, lineage, generation) DO UPDATE SET gone_at = NULL,
        active_at = COALESCE(placement.active_at, excluded.active_at), kept_at = COALESCE(placement.kept_at, excluded.kept_at)
      """, key + [at, at])
    try database.run(
      "UPDATE placement SET gone_at = ? WHERE host = ? AND lineage = ? AND generation <> ? AND gone_at IS NULL",
      [at] + key)
    try append(
      Event(
        at: sighting.at, subject: .init(host: sighting.host, lineage: sighting.lineage),
        kind: .note(
          .takenOver, text: "generation \(generation), \(sighting.certificate?.fingerprint.short ?? "")")))
    return true
  }

  /// What was taken over there, and is not stored here, has gone.
  private func forgetUnknown(_ sighting: Sighting) throws {
    try database.run(
      """
      UPDATE placement SET gone_at = ? WHERE host = ? AND lineage = ? AND gone_at IS NULL AND NOT EXISTS
        (SELECT 1 FROM certificate WHERE lineage = placement.lineage AND generation = placement.generation)
      """,
      [.moment(sighting.at), .text(sighting.host.rawValue), .text(sighting.lineage.rawValue)])
  }

  /// What hosts have and this state does not: generations that are newer than any that is stored, whose key is there.
  package func certificatesOnHosts() throws -> [Host.Name: [Lineage.Name: Certificate]] {
    try database.rows(
      """
      SELECT host, lineage, generation, fingerprint, names, not_before, not_after FROM observation AS o
      WHERE not_after IS NOT NULL AND key IN ('yes', 'unknown', 'unasked')
        AND NOT EXISTS (SELECT 1 FROM certificate WHERE lineage = o.lineage AND generation = o.generation)
        AND EXISTS (SELECT 1 FROM placement WHERE host = o.host AND lineage = o.lineage
          AND generation = o.generation AND gone_at IS NULL AND kept_at IS NOT NULL)
      """
    ) { row in
      let (notBefore, notAfter) = (row.moment(5), row.moment(6))
      let certificate = Certificate(
        lineage: Lineage.Name(row.text(1)), generation: Generation(row.integer(2)),
        fingerprint: Fingerprint(row.text(3)), serial: "", names: try row.json(4), notBefore: notBefore,
        notAfter: notAfter, issuedAt: notBefore)
      return (Host.Name(row.text(0)), certificate)
    }.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1.lineage] = $1.1 }
  }

  /// Of lineages whose hosts all have what this state does not: the one of these that ends first. There is nothing to order while it is good.
  package func certificatesOnAllHosts() throws -> [Lineage.Name: Certificate] {
    let found = try certificatesOnHosts()
    guard !found.isEmpty else { return [:] }
    let hosts = try hosts()
    return try lineages().flatMap { $0.instances(on: hosts) }.reduce(into: [:]) { all, lineage in
      let here = lineage.hosts(among: hosts).map { found[$0.name]?[lineage.name] }
      guard !here.isEmpty, !here.contains(nil) else { return }
      all[lineage.name] = here.compactMap { $0 }.min { $0.notAfter < $1.notAfter }
    }
  }

  /// What a visit has brought there, or may have changed.
  func observe(_ end: VisitEnd, of certificate: PlannedCertificate, on host: Host.Name, at moment: Date)
    throws
  {
    let key: [DatabaseValue] = [.text(host.rawValue), .text(certificate.lineage.rawValue)]
    let at = DatabaseValue.moment(moment)
    switch end {
    case .ok, .unchanged, .degraded, .placed:
      let served = end == .placed ? DatabaseValue.null : at
      try database.run(
        """
        INSERT INTO observation (host, lineage, disk_at, served_at, looked_at, generation, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (host, lineage) DO UPDATE SET disk_at = excluded.disk_at, served_at = excluded.served_at,
          looked_at = excluded.looked_at, failure = '', drift = NULL, detail = '', drifted_at = NULL, generation = excluded.generation, fingerprint = excluded.fingerprint,
          not_after = NULL
        """,
        key + [
          at, served, at, .integer(certificate.generation.number), .text(certificate.fingerprint.rawValue),
        ])
      if certificate.cause?.drift != nil { try countMend(key, at: moment) }
    case .rolledBack, .failedDirty, .unknown, .interrupted, .inconclusive:
      try database.run(
        "UPDATE observation SET disk_at = NULL, served_at = NULL WHERE host = ? AND lineage = ?", key)
    case .failedClean, .unreachable, .refused, .deferred, .skipped: break
    }
  }

  private func countMend(_ key: [DatabaseValue], at moment: Date) throws {
    try database.run(
      """
      UPDATE observation SET mends = CASE WHEN mended_at > ? THEN mends + 1 ELSE 1 END, mended_at = ?
      WHERE host = ? AND lineage = ?
      """, [.moment(moment.addingTimeInterval(-Self.day)), .moment(moment)] + key)
  }
}
