package import FoundationEssentials

/// Counts a lineage's certificates: 1, 2, 3 …
package struct Generation: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  package let number: Int

  package init(_ number: Int) { self.number = number }

  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var next: Generation { Generation(number + 1) }
  package var description: String { String(number) }

  package init(from decoder: any Decoder) throws {
    number = try decoder.singleValueContainer().decode(Int.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }
}

/// The SHA-256 of a certificate's DER form, in lower-case hexadecimal.
package typealias Fingerprint = Identifier<Certificate>

extension Identifier where Owner == Certificate {
  /// The first 12 digits: enough to tell two certificates apart on a screen.
  package var short: String { String(rawValue.prefix(12)) }
}

/// One issued, immutable X.509 chain of a lineage: the facts about it, without key or bytes.
package struct Certificate: Hashable, Sendable, Codable {
  package let lineage: Lineage.Name
  package let generation: Generation
  package let fingerprint: Fingerprint
  /// Hexadecimal, as `openssl x509 -serial` shows it.
  package let serial: String
  package let names: [String]
  package let notBefore: Date
  package let notAfter: Date
  package let issuedAt: Date
  /// Which key it is for, where that is one of ours.
  package let keyType: KeyType?
  /// The ACME server it came from; `nil` for one that came otherwise.
  package let origin: Origin?
  /// The names that were ordered; a CA may add some of its own. `nil` for one that was not ordered here.
  package let orderedNames: [String]?
  package var revokedAt: Date?
  /// When hosts were taken back from it to an earlier one.
  package var withdrawnAt: Date?

  private enum CodingKeys: String, CodingKey {
    case lineage, generation, fingerprint, serial, names, origin
    case notBefore = "not_before"
    case notAfter = "not_after"
    case issuedAt = "issued_at"
    case keyType = "key_type"
    case orderedNames = "ordered_names"
    case revokedAt = "revoked_at"
    case withdrawnAt = "withdrawn_at"
  }

  /// The ACME server, by its directory, and the account there, by its URL.
  package struct Origin: Hashable, Sendable, Codable {
    package let directory: String
    package let account: String

    package init(directory: String, account: String) {
      self.directory = directory
      self.account = account
    }
  }

  package init(
    lineage: Lineage.Name, generation: Generation, fingerprint: Fingerprint, serial: String,
    names: [String], notBefore: Date, notAfter: Date, issuedAt: Date, keyType: KeyType? = nil,
    origin: Origin? = nil, orderedNames: [String]? = nil, revokedAt: Date? = nil
  ) {
    self.lineage = lineage
    self.generation = generation
    self.fingerprint = fingerprint
    self.serial = serial
    self.names = names
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.issuedAt = issuedAt
    self.keyType = keyType
    self.origin = origin
    self.orderedNames = orderedNames
    self.revokedAt = revokedAt
  }

  /// From when on nobody should serve it.
  package var servesUntil: Date { revokedAt ?? notAfter }

  package func isValid(at moment: Date) -> Bool {
    notBefore <= moment && moment < notAfter && revokedAt == nil
  }
}
