/// Where certificates come from.
package struct Issuer: Hashable, Sendable, Codable {
  package typealias Name = Identifier<Issuer>

  package var name: Name
  package var source: Source

  package enum Source: Hashable, Sendable {
    case acme(ACMEAuthority)
    /// Lineages of a certbot on this machine.
    case certbot(CertbotFolder)
    /// Certificates that were bought or made elsewhere, as files.
    case files
  }

  package init(name: Name, source: Source) {
    self.name = name
    self.source = source
  }

  package var acme: ACMEAuthority? { if case .acme(let authority) = source { authority } else { nil } }
}

/// An ACME server, and the account with it.
package struct ACMEAuthority: Hashable, Sendable, Codable {
  /// The directory's URL (RFC 8555 §7.1.1), always https.
  package var directory: String
  /// The directory of the same CA for rehearsals, whose certificates nobody trusts.
  package var staging: String?
  /// `mailto:` addresses for the account.
  package var contact: [String]
  package var agreesToTerms: Bool
  /// A PEM file with the CA that the directory's own TLS certificate chains to, where that is a private one.
  package var caFile: String?
  package var externalAccount: ExternalAccount?
  /// Orders under way at the same time.
  package var parallel: Int

  package static let standardParallel = 10

  private enum CodingKeys: String, CodingKey {
    case directory, staging, contact, parallel
    case agreesToTerms = "agree_to_terms"
    case caFile = "ca_file"
    case externalAccount = "external_account"
  }

  package init(
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
package struct ExternalAccount: Hashable, Sendable, Codable {
  package var keyID: String
  /// A file that only its owner can read, with the HMAC key in base64url.
  package var keyFile: String

  private enum CodingKeys: String, CodingKey {
    case keyID = "key_id"
    case keyFile = "key_file"
  }

  package init(keyID: String, keyFile: String) {
    self.keyID = keyID
    self.keyFile = keyFile
  }
}

/// A certbot whose renewals are rolled out from here.
package struct CertbotFolder: Hashable, Sendable, Codable {
  /// Its configuration folder, with `live/` and `renewal/`.
  package var path: String
  package var handOver: HandOver

  /// When a renewed certificate goes to the hosts.
  package enum HandOver: String, Hashable, Sendable, Codable, CaseIterable {
    case atOnce = "at-once"
    case nextRun = "next-run"
  }

  package static let standardPath = "/etc/letsencrypt"

  private enum CodingKeys: String, CodingKey {
    case path
    case handOver = "hand_over"
  }

  package init(path: String = Self.standardPath, handOver: HandOver = .nextRun) {
    self.path = path
    self.handOver = handOver
  }
}
