package import Fleet
package import FoundationEssentials
package import PKI

extension Store {
  /// The newest certificate of every lineage that has one: what hosts are to have. One that was withdrawn is not.
  package func newestCertificates() throws -> [Lineage.Name: Certificate] {
    try byLineage(
      "SELECT MAX(generation) FROM certificate WHERE lineage = c.lineage AND withdrawn_at IS NULL")
  }

  /// The latest certificate that was issued for every lineage, withdrawn or not.
  package func latestCertificates() throws -> [Lineage.Name: Certificate] {
    try byLineage("SELECT MAX(generation) FROM certificate WHERE lineage = c.lineage")
  }

  private func byLineage(_ generation: String) throws -> [Lineage.Name: Certificate] {
    let all = try facts("WHERE generation = (\(generation))", [])
    return Dictionary(uniqueKeysWithValues: all.map { ($0.lineage, $0) })
  }

  /// Makes `target` the lineage's newest: what was issued after it is withdrawn.
  package func goBack(to target: Certificate, now: Date) throws {
    try transaction {
      try database.run(
        """
        UPDATE certificate SET withdrawn_at = CASE WHEN generation > ? THEN COALESCE(withdrawn_at, ?) END
        WHERE lineage = ? AND generation >= ?
        """,
        [
          .integer(target.generation.number), .moment(now), .text(target.lineage.rawValue),
          .integer(target.generation.number),
        ])
      try append(
        Event(
          at: now, subject: .init(lineage: target.lineage),
          kind: .note(.reverted, text: "generation \(target.generation), \(target.fingerprint.short)")))
    }
  }

  /// All of a lineage's certificates, oldest first.
  package func certificates(of lineage: Lineage.Name) throws -> [Certificate] {
    try facts("WHERE lineage = ? ORDER BY generation", [.text(lineage.rawValue)])
  }

  /// The certificate without its key; `nil` where it is not stored.
  package func chain(of lineage: Lineage.Name, _ generation: Generation) throws -> CertificateChain? {
    try database.rows(
      "SELECT chain FROM certificate WHERE lineage = ? AND generation = ?",
      [.text(lineage.rawValue), .integer(generation.number)]
    ) { try CertificateChain(pem: $0.text(0)) }.first
  }

  /// Of every lineage each certificate's generation, by its fingerprint.
  package func generationsByFingerprint() throws -> [Lineage.Name: [Fingerprint: Generation]] {
    try allCertificates().reduce(into: [:]) { $0[$1.lineage, default: [:]][$1.fingerprint] = $1.generation }
  }

  func allCertificates() throws -> [Certificate] { try facts("", []) }

  private func facts(_ condition: String, _ values: [DatabaseValue]) throws -> [Certificate] {
    try database.rows(
      "SELECT facts, revoked_at, withdrawn_at, form FROM certificate AS c \(condition)", values
    ) {
      var certificate = try $0.json(0, form: 3) as Certificate
      certificate.revokedAt = $0.optionalMoment(1)
      certificate.withdrawnAt = $0.optionalMoment(2)
      return certificate
    }
  }

  /// - Throws: when there is no such certificate, when it is not what was stored, or when its key cannot be opened.
  package func material(of lineage: Lineage.Name, _ generation: Generation) throws -> CertificateMaterial {
    let found = try database.rows(
      "SELECT facts, chain, key, host_key, request, seal FROM certificate WHERE lineage = ? AND generation = ?",
      [.text(lineage.rawValue), .integer(generation.number)]
    ) {
      (
        $0.text(1), KeyColumns($0, from: 2), CertificateSeal(row: $0, from: 0),
        $0.isNull(5) ? nil : $0.blob(5)
      )
    }
    guard let (chain, key, whole, seal) = found.first else {
      throw Missing(what: "generation \(generation) of certificate \(lineage)")
    }
    try whole.check(seal, with: sealing, lineage, generation)
    if key.isErased { throw KeyErased(lineage: lineage, generation: generation) }
    return CertificateMaterial(
      chain: try CertificateChain(pem: chain),
      key: try key.open(with: sealing, for: Self.keyIdentity(lineage, generation)))
  }

  /// Stores the lineage's next generation and forgets the orders and failures that led to it, in one transaction.
  ///
  /// - Parameters:
  ///   - ordered: the names that the CA was asked for.
  ///   - how: what the log says it is.
  package func add(
    _ chain: CertificateChain, key: CertificateKey, to lineage: Lineage.Name,
    origin: Certificate.Origin? = nil, ordered: [String]? = nil, how: Event.Note = .issued, now: Date
  ) throws -> Certificate {
    try transaction {
      let newest = try certificates(of: lineage).last
      // A hand-over that is told twice, or found by two, is one certificate.
      if let newest, newest.fingerprint == (try chain.leaf.fingerprint()) { return newest }
      let generation = try lastGeneration(of: lineage).next
      let facts = try chain.facts(
        lineage: lineage, generation: generation, issuedAt: now, origin: origin, orderedNames: ordered)
      let columns = try KeyColumns(key, sealedWith: sealing, for: Self.keyIdentity(lineage, generation))
      let (text, pem) = (try FleetJSON.canonical(facts), try chain.pem())
      let seal = try columns.seal(facts: text, chain: pem).seal(with: sealing, lineage, generation)
      try database.run(
        """
        INSERT INTO certificate (lineage, generation, facts, chain, key, host_key, request, seal, form)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [.text(lineage.rawValue), .integer(generation.number), .text(text), .text(pem)] + columns.values + [
          .blob(seal), .integer(FleetJSON.form),
        ])
      for table in ["acme_order", "backoff"] where origin != nil {
        try database.run(
          "DELETE FROM \(table) WHERE lineage = ? AND directory = ?",
          [.text(lineage.rawValue), .text(origin?.directory ?? "")])
      }
      try append(
        Event(
          at: now, subject: .init(lineage: lineage),
          kind: .note(how, text: "generation \(generation), \(facts.fingerprint.short)")))
      return facts
    }
  }

  /// What hosts have had counts as well, should it not be stored any more.
  /// On a host a lineage and its own instances are one folder: when keys come to be made on hosts, or no longer are,
  /// the numbers go on.
  private func lastGeneration(of lineage: Lineage.Name) throws -> Generation {
    var names = "lineage IN (?, ?)"
    var values: [DatabaseValue] = [.text(lineage.rawValue), .text(lineage.declared.rawValue)]
    if lineage.host == nil {
      let instances = DatabaseValue.text("\(lineage)@")
      names += " OR substr(lineage, 1, length(?)) = ?"
      values += [instances, instances]
    }
    return try database.rows(
      """
      SELECT COALESCE(MAX(generation), 0) FROM
        (SELECT lineage, generation FROM certificate UNION ALL SELECT lineage, generation FROM placement) AS known
      WHERE \(names)
      """, values
    ) { Generation($0.integer(0)) }.first ?? Generation(0)
  }

  /// Notes that the CA has revoked a certificate.
  package func setRevoked(_ certificate: Certificate, reason: String, now: Date) throws {
    try transaction {
      try database.run(
        "UPDATE certificate SET revoked_at = ? WHERE lineage = ? AND generation = ?",
        [.moment(now), .text(certificate.lineage.rawValue), .integer(certificate.generation.number)])
      try append(
        Event(
          at: now, subject: .init(lineage: certificate.lineage),
          kind: .note(.revoked, text: "generation \(certificate.generation), \(reason)")))
    }
  }

  /// Something that the caller expected to be stored.
  package struct Missing: Error, CustomStringConvertible {
    package let what: String
    package var description: String { "\(what) is not stored" }
  }

  static func keyIdentity(_ lineage: Lineage.Name, _ generation: Generation) -> String {
    "private key of certificate \(lineage), generation \(generation)"
  }
}
