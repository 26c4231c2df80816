package import Fleet
package import FoundationEssentials
import PKI

/// What shows that the database is as this controller left it: the sealing key that it belongs to, each certificate as one whole,
/// and where the log ends. A seal is made with the key that is not in the database, so that nobody makes one who has the
/// database alone.
enum Seals {
  static let proof = "proof"
  private static let word = Secret("certfleet")

  /// Whether this is the key that the database was sealed with.
  static func check(_ sealing: SealingKey, on database: any Database) throws {
    let found = try database.rows("SELECT value FROM seal WHERE name = ?", [.text(proof)]) { $0.blob(0) }
    guard let sealed = found.first, let opened = try? sealing.open(sealed, for: proof), opened == word else {
      throw OtherSealingKey()
    }
  }

  /// For a database that had no seals: what rests in it is what was stored, as far as its keys can be opened.
  static func seal(_ database: any Database, with sealing: SealingKey) throws {
    let keys = try database.rows(
      "SELECT lineage, generation, key FROM certificate WHERE key IS NOT NULL ORDER BY generation DESC LIMIT 1"
    ) { (Lineage.Name($0.text(0)), Generation($0.integer(1)), $0.blob(2)) }
    for (lineage, generation, key) in keys {
      guard (try? sealing.open(key, for: Store.keyIdentity(lineage, generation))) != nil else {
        throw OtherSealingKey()
      }
    }
    try set(proof, word, on: database, sealing)
    let rows = try database.rows(
      "SELECT lineage, generation, facts, chain, key, host_key, request FROM certificate"
    ) { (Lineage.Name($0.text(0)), Generation($0.integer(1)), CertificateSeal(row: $0, from: 2)) }
    for (lineage, generation, whole) in rows {
      try database.run(
        "UPDATE certificate SET seal = ? WHERE lineage = ? AND generation = ?",
        [
          .blob(try whole.seal(with: sealing, lineage, generation)), .text(lineage.rawValue),
          .integer(generation.number),
        ])
    }
    // Before there were several logs an event had no number but its row's.
    let last = try database.rows("SELECT id, hash FROM event ORDER BY id DESC LIMIT 1") {
      LogHead(number: $0.integer(0), hash: $0.text(1))
    }
    try LogChain(name: "", database: database, sealing: sealing).sealEnd(last.first ?? .empty)
  }

  static func set(
    _ name: String, _ secret: Secret, on database: any Database, _ sealing: SealingKey
  ) throws {
    try database.run(
      "INSERT INTO seal (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [.text(name), .blob(try sealing.seal(secret, for: name))])
  }
}

/// A certificate's row as one whole: its facts, chain and key were stored together.
struct CertificateSeal {
  private let digest: String

  init(facts: String, chain: String, key: Data?, hostKey: String?, request: Data?) {
    let fields = [
      Data(facts.utf8), Data(chain.utf8), key ?? Data(), Data((hostKey ?? "").utf8), request ?? Data(),
    ]
    var bytes: [UInt8] = []
    for field in fields { bytes += Array("\(field.count):".utf8) + field }
    digest = SHA256.hexadecimal(bytes)
  }

  /// Five columns from `first` on: `facts`, `chain`, `key`, `host_key`, `request`.
  init(row: any DatabaseRow, from first: Int32) {
    self.init(
      facts: row.text(first), chain: row.text(first + 1),
      key: row.isNull(first + 2) ? nil : row.blob(first + 2),
      hostKey: row.optionalText(first + 3), request: row.isNull(first + 4) ? nil : row.blob(first + 4))
  }

  func seal(with sealing: SealingKey, _ lineage: Lineage.Name, _ generation: Generation) throws -> Data {
    try sealing.seal(Secret(digest), for: Self.identity(lineage, generation))
  }

  func check(_ seal: Data?, with sealing: SealingKey, _ lineage: Lineage.Name, _ generation: Generation)
    throws
  {
    guard let seal, let opened = try? sealing.open(seal, for: Self.identity(lineage, generation)),
      opened == Secret(digest)
    else { throw AlteredCertificate(lineage: lineage, generation: generation) }
  }

  private static func identity(_ lineage: Lineage.Name, _ generation: Generation) -> String {
    "certificate \(lineage), generation \(generation)"
  }
}

/// What the database says is not what this controller stored.
package struct AlteredCertificate: Error, Hashable, CustomStringConvertible {
  package let lineage: Lineage.Name
  package let generation: Generation
  package var description: String {
    "generation \(generation) of \(lineage) is not what was stored: its facts, chain or key were altered or exchanged in the database; restore that from a backup, or order a new one: \(Remedy.renew(lineage))"
  }
}

package struct OtherSealingKey: Error, Hashable, CustomStringConvertible {
  package let description =
    "sealing.key is not the key that the database was sealed with; restore both from the same backup"
}

/// Events were recorded that are not in the log any more.
package struct LogCutOff: Error, Hashable, CustomStringConvertible {
  /// The last one that was recorded, where its seal can be read, and the last that is there.
  package let recorded: Int?
  package let found: Int

  package var description: String {
    let what =
      recorded.map { "\($0) events were recorded and \(found) are there" } ?? "the seal of its end is gone"
    return
      "the log was cut off: \(what); restore it from a backup, or go on with what is there: \(Remedy.acceptLoss)"
  }
}

extension Store {
  var log: LogChain { LogChain(name: chain, database: database, sealing: sealing) }

  /// Takes the log as it is for whole, and says so in it.
  package func acceptLoss(by person: String, now: Date) throws {
    try transaction {
      let what =
        try log.cutOff().map { "\($0.recorded.map(String.init) ?? "unknown") recorded, \($0.found) there" }
        ?? "nothing missing"
      try append(Event(at: now, subject: .init(), kind: .note(.lossAccepted, text: "by \(person): \(what)")))
    }
  }
}
