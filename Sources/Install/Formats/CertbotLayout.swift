public import PKI

/// certbot's own four files, as the README in its `live/` folders describes them.
public enum CertbotLayout {
  public static func files(chain: CertificateChain, key: PrivateKey) throws -> [InstalledFile] {
    [
      InstalledFile(name: "cert.pem", mode: "0644", content: Secret(try chain.leaf.pem())),
      InstalledFile(name: "chain.pem", mode: "0644", content: Secret(try chain.intermediatesPEM())),
      InstalledFile(name: "fullchain.pem", mode: "0644", content: Secret(try chain.pem())),
      InstalledFile(name: "privkey.pem", mode: "0600", content: try key.pem()),
    ]
  }
}
