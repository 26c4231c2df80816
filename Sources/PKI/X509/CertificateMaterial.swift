/// A stored chain and its key, opened.
package struct CertificateMaterial: Sendable {
  package let chain: CertificateChain
  package let key: CertificateKey

  package init(chain: CertificateChain, key: CertificateKey) {
    self.chain = chain
    self.key = key
  }
}
