import Fleet
import PKI

/// RFC 7292: leaf, intermediates and key behind a password.
enum PKCS12: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    keystorePlaces(installation, name: "keystore.p12")
  }

  static func files(
    _ installation: FileInstallation, lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?,
    password: Secret?
  ) throws -> [InstalledFile] {
    try keystoreFiles(installation, name: "keystore.p12", lineage, chain, key, password)
  }
}

/// Java reads PKCS#12 as a keystore (JEP 229); its programs ask for an entry by its alias.
enum JavaKeystore: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    keystorePlaces(installation, name: "java.p12")
  }

  static func files(
    _ installation: FileInstallation, lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?,
    password: Secret?
  ) throws -> [InstalledFile] {
    try keystoreFiles(installation, name: "java.p12", lineage, chain, key, password)
  }
}

/// A keystore has a name of its own for each path, as each may have another password.
private func fileName(_ installation: FileInstallation, _ name: String) -> String {
  "\(SHA256.hexadecimal(installation.path.utf8).prefix(8))-\(name)"
}

private func keystorePlaces(_ installation: FileInstallation, name: String) -> [InstalledPlace] {
  [
    InstalledPlace(
      path: installation.path, mode: installation.mode ?? FileInstallation.keyMode,
      parts: [fileName(installation, name)])
  ]
}

private func keystoreFiles(
  _ installation: FileInstallation, name: String, _ lineage: Lineage.Name, _ chain: CertificateChain,
  _ key: PrivateKey?, _ password: Secret?
) throws -> [InstalledFile] {
  guard let key, let password else { return [] }
  // keytool takes aliases in lower case.
  let store = try chain.pkcs12(
    key: key, name: lineage.declared.rawValue.lowercased(), password: password)
  return [
    InstalledFile(name: fileName(installation, name), mode: FileInstallation.keyMode, content: store)
  ]
}
