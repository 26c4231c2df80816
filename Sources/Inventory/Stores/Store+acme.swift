public import Fleet
public import Foundation
public import PKI

extension Store {
  /// The account of an issuer at its directory, as far as it is known.
  public struct Account: Sendable {
    public let key: PrivateKey
    /// `nil` until the CA has answered.
    public let url: URL?
  }

  /// The stored account; its key is made and stored first where there is none, so that a registration whose
  /// answer is lost finds the same account again.
  public func account(of issuer: Issuer) throws -> Account {
    let found = try database.rows(
      "SELECT key, url FROM account WHERE issuer = ? AND directory = ?",
      [.text(issuer.name.rawValue), .text(issuer.directory)]
    ) { ($0.blob(0), $0.optionalText(1)) }
    if let (sealed, url) = found.first {
      let key = try PrivateKey(pem: try sealing.open(sealed, for: Self.accountIdentity(issuer)))
      return Account(key: key, url: url.flatMap(URL.init(string:)))
    }
    let key = try PrivateKey.generate(.ecdsaP256)
    try database.run(
      "INSERT INTO account (issuer, directory, key) VALUES (?, ?, ?)",
      [
        .text(issuer.name.rawValue), .text(issuer.directory),
        .blob(try sealing.seal(try key.pem(), for: Self.accountIdentity(issuer))),
      ])
    return Account(key: key, url: nil)
  }

  public func setAccountURL(_ url: URL, of issuer: Issuer) throws {
    try database.run(
      "UPDATE account SET url = ? WHERE issuer = ? AND directory = ?",
      [.text(url.absoluteString), .text(issuer.name.rawValue), .text(issuer.directory)])
  }

  /// An order that was made for a lineage and has not led to a stored certificate yet.
  public struct KeptOrder: Sendable {
    public let url: URL
    public let names: [String]
    public let key: PrivateKey

    public init(url: URL, names: [String], key: PrivateKey) {
      self.url = url
      self.names = names
      self.key = key
    }
  }

  /// - Parameter directory: the CA's that is asked now; an order of another CA is not looked at.
  public func keptOrder(of lineage: Lineage.Name, at directory: String) throws -> KeptOrder? {
    let found = try database.rows(
      "SELECT url, names, key FROM acme_order WHERE lineage = ? AND directory = ?",
      [.text(lineage.rawValue), .text(directory)]
    ) { ($0.text(0), try $0.json(1, as: [String].self), $0.blob(2)) }
    guard let (url, names, sealed) = found.first, let url = URL(string: url) else { return nil }
    let key = try PrivateKey(pem: try sealing.open(sealed, for: Self.orderIdentity(lineage)))
    return KeptOrder(url: url, names: names, key: key)
  }

  /// Keeps `order` as the lineage's only one; `nil` forgets it.
  public func keep(_ order: KeptOrder?, of lineage: Lineage.Name, at directory: String, now: Date) throws {
    try database.transaction {
      try database.run("DELETE FROM acme_order WHERE lineage = ?", [.text(lineage.rawValue)])
      guard let order else { return }
      let sealed = try sealing.seal(try order.key.pem(), for: Self.orderIdentity(lineage))
      try database.run(
        "INSERT INTO acme_order (lineage, directory, url, names, key, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        [
          .text(lineage.rawValue), .text(directory), .text(order.url.absoluteString),
          .text(try canonicalJSON(order.names)), .blob(sealed), .moment(now),
        ])
      try append(
        Event(
          at: now, subject: .init(lineage: lineage), kind: .note(.ordered, text: order.url.absoluteString)))
    }
  }

  private static func accountIdentity(_ issuer: Issuer) -> String {
    "account key of issuer \(issuer.name) at \(issuer.directory)"
  }

  private static func orderIdentity(_ lineage: Lineage.Name) -> String {
    "private key of the order for certificate \(lineage)"
  }
}
