import Fleet
import PKI

/// X.509's own encoding of the leaf (RFC 5280), and PKCS#8 of the key (RFC 5958).
enum DER: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    let leaf = InstalledPlace(path: installation.path, mode: FileInstallation.publicMode, parts: ["cert.der"])
    guard let keyPath = installation.keyPath else { return [leaf] }
    let mode = installation.mode ?? FileInstallation.keyMode
    return [leaf, InstalledPlace(path: keyPath, mode: mode, parts: ["privkey.der"])]
  }

  static func files(
    _ installation: FileInstallation, lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?,
    password: Secret?
  ) throws -> [InstalledFile] {
    let leaf = InstalledFile(
      name: "cert.der", mode: FileInstallation.publicMode, content: Secret(bytes: try chain.leaf.der()))
    guard installation.keyPath != nil, let key else { return [leaf] }
    return [leaf, InstalledFile(name: "privkey.der", mode: FileInstallation.keyMode, content: try key.der())]
  }
}
