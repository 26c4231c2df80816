import Fleet

/// All in one file. HAProxy's manual, `crt`: "concatenating certificate chain and private key in the same file".
enum CombinedPEM: InstallFormat {
  static func places(_ installation: FileInstallation) -> [InstalledPlace] {
    [
      InstalledPlace(
        path: installation.path, mode: installation.mode ?? FileInstallation.keyMode,
        parts: ["fullchain.pem", "privkey.pem"])
    ]
  }
}
