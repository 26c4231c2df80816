public import Foundation

/// Counts a lineage's certificates: 1, 2, 3 …
public struct Generation: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  public let number: Int

  public init(_ number: Int) { self.number = number }

  public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  public var next: Generation { Generation(number + 1) }
  public var description: String { String(number) }

  public init(from decoder: any Decoder) throws {
    number = try decoder.singleValueContainer().decode(Int.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }
}

/// The SHA-256 of a certificate's DER form, in lower-case hexadecimal.
public typealias Fingerprint = Identifier<Certificate>

extension Identifier where Owner == Certificate {
  /// The first 12 digits: enough to tell two certificates apart on a screen.
  public var short: String { String(rawValue.prefix(12)) }
}

/// One issued, immutable X.509 chain of a lineage: the facts about it, without key or bytes.
public struct Certificate: Hashable, Sendable, Codable {
  public let lineage: Lineage.Name
  public let generation: Generation
  public let fingerprint: Fingerprint
  /// Hexadecimal, as `openssl x509 -serial` shows it.
  public let serial: String
  public let names: [String]
  public let notBefore: Date
  public let notAfter: Date
  public let issuedAt: Date
  /// Which key it is for, where that is one of ours.
  public let keyType: KeyType?
  /// The ACME server it came from; `nil` for one that came otherwise.
  public let origin: Origin?
  /// The names that were ordered; a CA may add some of its own. `nil` for one that was not ordered here.
  public let orderedNames: [String]?
  public var revokedAt: Date?
  /// When hosts were taken back from it to an earlier one.
  public var withdrawnAt: Date?

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
  public struct Origin: Hashable, Sendable, Codable {
    public let directory: String
    public let account: String

    public init(directory: String, account: String) {
      self.directory = directory
      self.account = account
    }
  }

  public init(
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
  public var servesUntil: Date { revokedAt ?? notAfter }

  public func isValid(at moment: Date) -> Bool {
    notBefore <= moment && moment < notAfter && revokedAt == nil
  }
}
