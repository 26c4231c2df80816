public import Fleet
public import Foundation
public import PKI

extension Store {
  /// The newest certificate of every lineage that has one.
  public func newestCertificates() throws -> [Lineage.Name: Certificate] {
    let all = try database.rows(
      """
      SELECT facts FROM certificate AS c
      WHERE generation = (SELECT MAX(generation) FROM certificate WHERE lineage = c.lineage)
      """
    ) { try $0.json(0, as: Certificate.self) }
    return Dictionary(uniqueKeysWithValues: all.map { ($0.lineage, $0) })
  }

  /// A stored chain and its key, opened.
  public struct Material: Sendable {
    public let chain: CertificateChain
    public let key: PrivateKey
  }

  /// - Throws: when there is no such certificate, or its key cannot be opened.
  public func material(of lineage: Lineage.Name, _ generation: Generation) throws -> Material {
    let found = try database.rows(
      "SELECT chain, key FROM certificate WHERE lineage = ? AND generation = ?",
      [.text(lineage.rawValue), .integer(generation.number)]
    ) { ($0.text(0), $0.blob(1)) }
    guard let (chain, sealed) = found.first else {
      throw Missing(what: "generation \(generation) of certificate \(lineage)")
    }
    let key = try sealing.open(sealed, for: Self.keyIdentity(lineage, generation))
    return Material(chain: try CertificateChain(pem: chain), key: try PrivateKey(pem: key))
  }

  /// Stores the lineage's next generation and forgets the order that led to it, in one transaction.
  public func add(
    _ chain: CertificateChain, key: PrivateKey, to lineage: Lineage.Name, now: Date
  ) throws -> Certificate {
    try database.transaction {
      let newest = try database.rows(
        "SELECT COALESCE(MAX(generation), 0) FROM certificate WHERE lineage = ?", [.text(lineage.rawValue)]
      ) { Generation($0.integer(0)) }
      let generation = (newest.first ?? Generation(0)).next
      let facts = try chain.facts(lineage: lineage, generation: generation, issuedAt: now)
      let sealed = try sealing.seal(try key.pem(), for: Self.keyIdentity(lineage, generation))
      try database.run(
        "INSERT INTO certificate (lineage, generation, facts, chain, key) VALUES (?, ?, ?, ?, ?)",
        [
          .text(lineage.rawValue), .integer(generation.number), .text(try canonicalJSON(facts)),
          .text(try chain.pem()), .blob(sealed),
        ])
      try database.run("DELETE FROM acme_order WHERE lineage = ?", [.text(lineage.rawValue)])
      try append(
        Event(
          at: now, subject: .init(lineage: lineage),
          kind: .note(.issued, text: "generation \(generation), \(facts.fingerprint.short)")))
      return facts
    }
  }

  /// Something that the caller expected to be stored.
  public struct Missing: Error, CustomStringConvertible {
    public let what: String
    public var description: String { "\(what) is not stored" }
  }

  private static func keyIdentity(_ lineage: Lineage.Name, _ generation: Generation) -> String {
    "private key of certificate \(lineage), generation \(generation)"
  }
}
