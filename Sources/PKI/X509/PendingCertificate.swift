public import Foundation

/// A certificate that has been asked for and not come yet: what a crash must not lose.
public struct PendingCertificate: Sendable {
  /// The order's (RFC 8555 §7.4).
  public let url: URL
  public let names: [String]
  public let key: CertificateKey

  public init(url: URL, names: [String], key: CertificateKey) {
    self.url = url
    self.names = names
    self.key = key
  }
}
