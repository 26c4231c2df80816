package import PKI

/// certbot's own four files, as the README in its `live/` folders describes them.
package enum CertbotLayout {
  /// - Parameter key: `nil` where the host has it and puts it beside the others.
  package static func files(chain: CertificateChain, key: PrivateKey?) throws -> [InstalledFile] {
    let certificates = [
      InstalledFile(name: "cert.pem", mode: "0644", content: Secret(try chain.leaf.pem())),
      InstalledFile(name: "chain.pem", mode: "0644", content: Secret(try chain.intermediatesPEM())),
      InstalledFile(name: "fullchain.pem", mode: "0644", content: Secret(try chain.pem())),
    ]
    guard let key else { return certificates }
    return certificates + [InstalledFile(name: "privkey.pem", mode: "0600", content: try key.pem())]
  }
}
