import Fleet

/// The leaf and its intermediates, without the key.
enum Fullchain: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    [
      InstalledPlace(
        path: installation.path, mode: installation.mode ?? FileInstallation.publicMode,
        parts: ["fullchain.pem"])
    ]
  }
}
