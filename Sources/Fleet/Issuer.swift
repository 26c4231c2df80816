/// Where certificates come from.
public struct Issuer: Hashable, Sendable, Codable {
  public typealias Name = Identifier<Issuer>

  public var name: Name
  public var source: Source

  public enum Source: Hashable, Sendable {
    case acme(ACMEAuthority)
    /// Lineages of a certbot on this machine.
    case certbot(CertbotFolder)
    /// Certificates that were bought or made elsewhere, as files.
    case files
  }

  public init(name: Name, source: Source) {
    self.name = name
    self.source = source
  }

  public var acme: ACMEAuthority? { if case .acme(let authority) = source { authority } else { nil } }
}

/// An ACME server, and the account with it.
public struct ACMEAuthority: Hashable, Sendable, Codable {
  /// The directory's URL (RFC 8555 §7.1.1), always https.
  public var directory: String
  /// The directory of the same CA for rehearsals, whose certificates nobody trusts.
  public var staging: String?
  /// `mailto:` addresses for the account.
  public var contact: [String]
  public var agreesToTerms: Bool
  /// A PEM file with the CA that the directory's own TLS certificate chains to, where that is a private one.
  public var caFile: String?
  public var externalAccount: ExternalAccount?
  /// Orders under way at the same time.
  public var parallel: Int

  public static let standardParallel = 10

  private enum CodingKeys: String, CodingKey {
    case directory, staging, contact, parallel
    case agreesToTerms = "agree_to_terms"
    case caFile = "ca_file"
    case externalAccount = "external_account"
  }

  public init(
    directory: String, staging: String? = nil, contact: [String] = [], agreesToTerms: Bool = true,
    caFile: String? = nil, externalAccount: ExternalAccount? = nil, parallel: Int = Self.standardParallel
  ) {
    self.directory = directory
    self.staging = staging
    self.contact = contact
    self.agreesToTerms = agreesToTerms
    self.caFile = caFile
    self.externalAccount = externalAccount
    self.parallel = parallel
  }
}

/// An account that the CA's operator has given out (RFC 8555 §7.3.4).
public struct ExternalAccount: Hashable, Sendable, Codable {
  public var keyID: String
  /// A file that only its owner can read, with the HMAC key in base64url.
  public var keyFile: String

  private enum CodingKeys: String, CodingKey {
    case keyID = "key_id"
    case keyFile = "key_file"
  }

  public init(keyID: String, keyFile: String) {
    self.keyID = keyID
    self.keyFile = keyFile
  }
}

/// A certbot whose renewals are rolled out from here.
public struct CertbotFolder: Hashable, Sendable, Codable {
  /// Its configuration folder, with `live/` and `renewal/`.
  public var path: String
  public var handOver: HandOver

  /// When a renewed certificate goes to the hosts.
  public enum HandOver: String, Hashable, Sendable, Codable, CaseIterable {
    case atOnce = "at-once"
    case nextRun = "next-run"
  }

  public static let standardPath = "/etc/letsencrypt"

  private enum CodingKeys: String, CodingKey {
    case path
    case handOver = "hand_over"
  }

  public init(path: String = Self.standardPath, handOver: HandOver = .nextRun) {
    self.path = path
    self.handOver = handOver
  }
}
