package import Fleet
package import FoundationEssentials
package import PKI

extension Store {
  /// The stored account; its key is made and stored first where there is none, so that a registration whose
  /// answer is lost finds the same account again.
  package func account(of issuer: Issuer.Name, at directory: String) throws -> StoredAccount {
    if let found = try findAccount(of: issuer, at: directory) { return found }
    let key = try PrivateKey.generate(.ecdsaP256)
    try database.run(
      "INSERT INTO account (issuer, directory, key) VALUES (?, ?, ?)",
      identity(issuer, directory) + [
        .blob(try sealing.seal(try key.pem(), for: Self.keyIdentity(issuer, directory)))
      ])
    return StoredAccount(issuer: issuer, directory: directory, key: key, url: nil, contact: nil, nextKey: nil)
  }

  /// As `account`, and `nil` where there is none.
  package func findAccount(of issuer: Issuer.Name, at directory: String) throws -> StoredAccount? {
    try accounts("WHERE issuer = ? AND directory = ?", identity(issuer, directory)).first
  }

  package func accounts() throws -> [StoredAccount] { try accounts("ORDER BY issuer, directory", []) }

  private func accounts(_ condition: String, _ values: [DatabaseValue]) throws -> [StoredAccount] {
    try database.rows(
      "SELECT issuer, directory, key, url, contact, next_key FROM account \(condition)", values
    ) { row in
      let (issuer, directory) = (Issuer.Name(row.text(0)), row.text(1))
      func open(_ column: Int32) throws -> PrivateKey {
        try PrivateKey(pem: try sealing.open(row.blob(column), for: Self.keyIdentity(issuer, directory)))
      }
      return StoredAccount(
        issuer: issuer, directory: directory, key: try open(2),
        url: row.optionalText(3).flatMap(URL.init(string:)),
        contact: row.isNull(4) ? nil : try row.json(4), nextKey: row.isNull(5) ? nil : try open(5))
    }
  }

  /// Keeps what the CA has answered.
  package func setAccount(
    _ url: URL, contact: [String], of issuer: Issuer.Name, at directory: String, now: Date
  ) throws {
    try transaction {
      try database.run(
        "UPDATE account SET url = ?, contact = ? WHERE issuer = ? AND directory = ?",
        [.text(url.absoluteString), .text(try FleetJSON.canonical(contact))] + identity(issuer, directory))
      try note("\(issuer) is \(url.absoluteString)", now)
    }
  }

  /// Keeps the key that the CA is about to be asked to change to (RFC 8555 §7.3.5).
  package func setNextKey(_ key: PrivateKey, of issuer: Issuer.Name, at directory: String) throws {
    try database.run(
      "UPDATE account SET next_key = ? WHERE issuer = ? AND directory = ?",
      [.blob(try sealing.seal(try key.pem(), for: Self.keyIdentity(issuer, directory)))]
        + identity(issuer, directory))
  }

  /// Ends a key change: the next key is the account's now, or it is forgotten.
  package func endKeyChange(of issuer: Issuer.Name, at directory: String, took: Bool, now: Date) throws {
    try transaction {
      try database.run(
        "UPDATE account SET \(took ? "key = next_key, " : "")next_key = NULL WHERE issuer = ? AND directory = ?",
        identity(issuer, directory))
      try note("the key of \(issuer) \(took ? "was changed" : "stays: the CA did not take the new one")", now)
    }
  }

  /// Forgets an account that the CA does not know any more, with its key.
  package func removeAccount(of issuer: Issuer.Name, at directory: String, now: Date) throws {
    try transaction {
      try database.run(
        "DELETE FROM account WHERE issuer = ? AND directory = ?", identity(issuer, directory))
      try note("\(issuer) has no account at \(directory) any more", now)
    }
  }

  private func note(_ text: String, _ now: Date) throws {
    try append(Event(at: now, subject: .init(), kind: .note(.account, text: text)))
  }

  private func identity(_ issuer: Issuer.Name, _ directory: String) -> [DatabaseValue] {
    [.text(issuer.rawValue), .text(directory)]
  }

  private static func keyIdentity(_ issuer: Issuer.Name, _ directory: String) -> String {
    "account key of issuer \(issuer) at \(directory)"
  }
}
