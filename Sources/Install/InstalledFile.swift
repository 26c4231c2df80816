package import Fleet
package import PKI

/// One file in the folder of a certificate's generation on a host.
package struct InstalledFile: Sendable {
  package let name: String
  /// Octal, as chmod(1) takes it.
  package let mode: String
  package let content: Secret

  package init(name: String, mode: String, content: Secret) {
    self.name = name
    self.mode = mode
    self.content = content
  }
}

/// A place elsewhere on the host, and what of the generation's folder goes there.
package struct InstalledPlace: Hashable, Sendable {
  package let path: String
  package let mode: String
  /// Names of files that follow each other in this one.
  package let parts: [String]
}

/// What one format makes of a certificate.
protocol InstallFormat {
  /// Where it goes; no two have the same path.
  static func places(_ installation: FileInstallation) -> [InstalledPlace]
  /// Files beside certbot's four that it is made of. `key` is nil where the host has it.
  static func files(
    _ installation: FileInstallation, lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?,
    password: Secret?
  ) throws -> [InstalledFile]
}

extension InstallFormat {
  static func files(
    _ installation: FileInstallation, lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?,
    password: Secret?
  ) throws -> [InstalledFile] { [] }
}

extension FileInstallation {
  package var places: [InstalledPlace] { implementation.places(self) }

  /// - Parameter password: of a keystore.
  package func files(
    lineage: Lineage.Name, chain: CertificateChain, key: PrivateKey?, password: Secret?
  ) throws -> [InstalledFile] {
    try implementation.files(self, lineage: lineage, chain: chain, key: key, password: password)
  }

  private var implementation: any InstallFormat.Type {
    switch format {
    case .pem: PEMPair.self
    case .fullchain: Fullchain.self
    case .haproxy: CombinedPEM.self
    case .der: DER.self
    case .pkcs12: PKCS12.self
    case .javaKeystore: JavaKeystore.self
    }
  }

  static let publicMode = "0644"
  static let keyMode = "0600"
}
