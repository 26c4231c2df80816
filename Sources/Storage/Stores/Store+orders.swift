package import Fleet
package import FoundationEssentials
package import PKI

/// What issuing must not forget: open orders, when the CA wants to be asked again, and what was shown to it.
extension Store {
  /// The order that was made for a lineage and has not led to a stored certificate yet.
  package func pendingCertificate(of lineage: Lineage.Name, at directory: String) throws
    -> PendingCertificate?
  {
    let found = try database.rows(
      "SELECT url, names, key, host_key, request FROM acme_order WHERE lineage = ? AND directory = ?",
      identity(lineage, directory)
    ) { ($0.text(0), try $0.json(1, as: [String].self), KeyColumns($0, from: 2)) }
    // One without a URL was about to be made.
    guard let (url, names, key) = found.first, !url.isEmpty, let url = URL(string: url) else { return nil }
    return PendingCertificate(
      url: url, names: names, key: try key.open(with: sealing, for: Self.orderIdentity(lineage)))
  }

  /// Keeps that an order is about to be made, which has no URL yet.
  package func keepIntent(
    toOrder names: [String], with key: CertificateKey, for lineage: Lineage.Name, at directory: String,
    now: Date
  ) throws {
    let key = try KeyColumns(key, sealedWith: sealing, for: Self.orderIdentity(lineage))
    try database.run(
      """
      INSERT INTO acme_order (lineage, directory, url, names, made_at, key, host_key, request)
      VALUES (?, ?, '', ?, ?, ?, ?, ?)
      ON CONFLICT (lineage, directory) DO UPDATE SET url = excluded.url, names = excluded.names,
        made_at = excluded.made_at, key = excluded.key, host_key = excluded.host_key, request = excluded.request
      """,
      identity(lineage, directory) + [.text(try FleetJSON.canonical(names)), .moment(now)] + key.values)
  }

  /// Keeps `order` as the lineage's only one with that CA; `nil` forgets it.
  package func keep(
    _ order: PendingCertificate?, of lineage: Lineage.Name, at directory: String, now: Date
  ) throws {
    try transaction {
      try database.run(
        "DELETE FROM acme_order WHERE lineage = ? AND directory = ?", identity(lineage, directory))
      guard let order else { return }
      let key = try KeyColumns(order.key, sealedWith: sealing, for: Self.orderIdentity(lineage))
      try database.run(
        """
        INSERT INTO acme_order (lineage, directory, url, names, made_at, key, host_key, request)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        identity(lineage, directory) + [
          .text(order.url.absoluteString), .text(try FleetJSON.canonical(order.names)), .moment(now),
        ] + key.values)
      try append(
        Event(
          at: now, subject: .init(lineage: lineage), kind: .note(.ordered, text: order.url.absoluteString)))
    }
  }

  /// What the CAs advise about the newest certificates.
  package func renewalAdvice() throws -> [Lineage.Name: RenewalAdvice] {
    let all = try database.rows("SELECT lineage, advice FROM renewal_advice") {
      (Lineage.Name($0.text(0)), try $0.json(1, as: RenewalAdvice.self))
    }
    return Dictionary(uniqueKeysWithValues: all)
  }

  package func keep(_ advice: RenewalAdvice, of lineage: Lineage.Name) throws {
    try database.run(
      """
      INSERT INTO renewal_advice (lineage, advice) VALUES (?, ?)
      ON CONFLICT (lineage) DO UPDATE SET advice = excluded.advice
      """, [.text(lineage.rawValue), .text(try FleetJSON.canonical(advice))])
  }

  package func backoff(of lineage: Lineage.Name, at directory: String) throws -> OrderBackoff? {
    try database.rows(
      "SELECT backoff FROM backoff WHERE lineage = ? AND directory = ?", identity(lineage, directory)
    ) { try $0.json(0, as: OrderBackoff.self) }.first
  }

  /// Those that are stored, by lineage and ACME directory.
  package func orderBackoffs() throws -> [Lineage.Name: [String: OrderBackoff]] {
    try database.rows("SELECT lineage, directory, backoff FROM backoff") {
      (Lineage.Name($0.text(0)), $0.text(1), try $0.json(2, as: OrderBackoff.self))
    }.reduce(into: [:]) { all, row in all[row.0, default: [:]][row.1] = row.2 }
  }

  /// Keeps why an order failed and when it may be tried again, with the event that says so.
  package func keep(_ backoff: OrderBackoff, of lineage: Lineage.Name, at directory: String, now: Date)
    async throws
  {
    // A CA that cannot be reached fails thousands at once.
    try await shareCommit { [self] in
      try database.run(
        """
        INSERT INTO backoff (lineage, directory, backoff) VALUES (?, ?, ?)
        ON CONFLICT (lineage, directory) DO UPDATE SET backoff = excluded.backoff
        """, identity(lineage, directory) + [.text(try FleetJSON.canonical(backoff))])
      try append(
        Event(
          at: now, subject: .init(lineage: lineage), kind: .note(.issueFailed, text: backoff.reason)))
    }
  }

  /// The lineages that something was shown for and not taken away again.
  package func lineagesWithPresented() throws -> [Lineage.Name] {
    try database.rows("SELECT DISTINCT lineage FROM presented") { Lineage.Name($0.text(0)) }
  }

  /// What was shown to a CA for a lineage and not taken away again, and how it was shown.
  package func presented<Proof: Decodable & Sendable>(
    of lineage: Lineage.Name, as type: Proof.Type
  ) throws -> [(challenge: Challenge, proof: Proof)] {
    try database.rows(
      "SELECT challenge, proof FROM presented WHERE lineage = ?", [.text(lineage.rawValue)]
    ) { (try $0.json(0, as: Challenge.self), try $0.json(1, as: type)) }
  }

  /// What is shown to CAs now, for whatever.
  package func presented<Proof: Decodable & Sendable>(as type: Proof.Type) throws -> [Proof] {
    try database.rows("SELECT proof FROM presented") { try $0.json(0, as: type) }
  }

  /// Keeps what is about to be shown.
  package func keepPresented(
    _ proof: some Encodable & Sendable, by challenge: Challenge, of lineage: Lineage.Name
  ) throws {
    try database.run(
      "INSERT INTO presented (lineage, challenge, proof) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      [
        .text(lineage.rawValue), .text(try FleetJSON.canonical(challenge)),
        .text(try FleetJSON.canonical(proof)),
      ])
  }

  package func forgetPresented(_ proof: some Codable & Equatable & Sendable, of lineage: Lineage.Name) throws
  {
    let shown = try database.rows(
      "SELECT DISTINCT proof FROM presented WHERE lineage = ?", [.text(lineage.rawValue)]
    ) { $0.text(0) }
    for text in shown where try holds(text, proof) {
      try database.run(
        "DELETE FROM presented WHERE lineage = ? AND proof = ?", [.text(lineage.rawValue), .text(text)])
    }
  }

  /// Lets orders be tried again whose backoff is such.
  func forgetBackoffs(where isSuch: (OrderBackoff) -> Bool) throws {
    for (lineage, backoffs) in try orderBackoffs() {
      for (directory, backoff) in backoffs where isSuch(backoff) {
        try database.run(
          "DELETE FROM backoff WHERE lineage = ? AND directory = ?", identity(lineage, directory))
      }
    }
  }

  private func identity(_ lineage: Lineage.Name, _ directory: String) -> [DatabaseValue] {
    [.text(lineage.rawValue), .text(directory)]
  }

  private static func orderIdentity(_ lineage: Lineage.Name) -> String {
    "private key of the order for certificate \(lineage)"
  }
}
