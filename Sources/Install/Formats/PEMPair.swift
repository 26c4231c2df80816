import Fleet

/// The chain in one file and the key in another, as most servers take them. Where both are in one folder they change
/// by one command.
enum PEMPair: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    let chain = InstalledPlace(
      path: installation.path, mode: FileInstallation.publicMode, parts: ["fullchain.pem"])
    guard let keyPath = installation.keyPath else { return [chain] }
    let mode = installation.mode ?? FileInstallation.keyMode
    return [chain, InstalledPlace(path: keyPath, mode: mode, parts: ["privkey.pem"])]
  }
}
