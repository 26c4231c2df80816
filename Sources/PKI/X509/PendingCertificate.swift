package import FoundationEssentials

/// A certificate that has been asked for and not come yet: what a crash must not lose.
package struct PendingCertificate: Sendable {
  /// The order's (RFC 8555 §7.4).
  package let url: URL
  package let names: [String]
  package let key: CertificateKey

  package init(url: URL, names: [String], key: CertificateKey) {
    self.url = url
    self.names = names
    self.key = key
  }
}
