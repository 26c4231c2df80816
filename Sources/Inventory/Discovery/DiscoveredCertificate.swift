package import Fleet
package import FoundationEssentials
import PKI

/// A certificate on a host: who reads it there, who renews it, and where it is served.
package struct DiscoveredCertificate: Hashable, Sendable {
  package let fingerprint: Fingerprint
  package let names: [String]
  package let notAfter: Date
  package let keyType: KeyType?
  /// The common name of who issued it; itself, where nobody did.
  package let issuer: String
  package let isSelfSigned: Bool
  package var uses: [Use] = []
  package var client: Client?
  package var ports: [Port] = []

  /// A service that reads it.
  package struct Use: Hashable, Sendable {
    package let service: String
    package let certificate: String
    package let key: String?
    /// Of the file with the key.
    package var ownership: Ownership?
  }

  package struct Port: Hashable, Sendable {
    package let number: Int
    package let startTLS: StartTLS?
  }

  init?(_ leaf: X509Certificate) {
    guard let fingerprint = try? leaf.fingerprint(), let notAfter = try? leaf.notAfter() else { return nil }
    (self.fingerprint, self.notAfter, names, keyType) = (fingerprint, notAfter, leaf.names, leaf.keyType)
    issuer = leaf.issuerName
    isSelfSigned = leaf.issuerName == leaf.subjectName
  }
}
