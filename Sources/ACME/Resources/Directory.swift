public import Foundation

/// RFC 8555 §7.1.1: where a server's resources are, and what it says about itself.
public struct Directory: Sendable, Decodable {
  public let newNonce: URL
  public let newAccount: URL
  public let newOrder: URL
  public let revokeCert: URL?
  public let keyChange: URL?
  /// RFC 9773 §4.1.
  public let renewalInfo: URL?
  public let meta: Meta?

  public struct Meta: Sendable, Decodable {
    public let termsOfService: URL?
    public let externalAccountRequired: Bool?
    /// draft-ietf-acme-profiles §3: names, each with a description.
    public let profiles: [String: String]?
  }
}
