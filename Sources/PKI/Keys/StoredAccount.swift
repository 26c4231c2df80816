package import Fleet
package import FoundationEssentials

/// An account with an ACME server, as far as it is known.
package struct StoredAccount: Sendable {
  package let issuer: Issuer.Name
  package let directory: String
  package let key: PrivateKey
  /// `nil` until the CA has answered.
  package let url: URL?
  /// What the CA was told last.
  package let contact: [String]?
  /// A key that the CA was asked to change to, whose answer has not come.
  package let nextKey: PrivateKey?

  package init(
    issuer: Issuer.Name, directory: String, key: PrivateKey, url: URL?, contact: [String]?,
    nextKey: PrivateKey?
  ) {
    self.issuer = issuer
    self.directory = directory
    self.key = key
    self.url = url
    self.contact = contact
    self.nextKey = nextKey
  }
}
