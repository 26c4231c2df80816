package import FoundationEssentials

/// RFC 8555 §7.1.1: where a server's resources are, and what it says about itself.
package struct Directory: Sendable, Decodable {
  package let newNonce: URL
  package let newAccount: URL
  package let newOrder: URL
  package let revokeCert: URL?
  package let keyChange: URL?
  /// RFC 9773 §4.1.
  package let renewalInfo: URL?
  package let meta: Meta?

  package struct Meta: Sendable, Decodable {
    package let termsOfService: URL?
    package let externalAccountRequired: Bool?
    /// The names by which CAA records let this CA issue (RFC 8555 §9.7.6).
    package let caaIdentities: [String]?
    /// draft-ietf-acme-profiles §3: names, each with a description.
    package let profiles: [String: String]?
  }
}
