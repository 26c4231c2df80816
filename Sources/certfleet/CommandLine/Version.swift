import ACME
import CVersion
import Fleet
import PKI
import SSH
import Storage

/// What `--version` says: whoever reports a fault says with it what he runs.
enum Version {
  /// With the libraries as they are on this machine, not as they were when it was built.
  static var text: String {
    let commit = certfleet_commit().map { " (\(String(cString: $0)))" } ?? ""
    let libraries = [
      "libssh2 \(LibSSH2.version)", "SQLite \(SQLite.version)", OpenSSL.version,
      "libcurl \(HTTPClient.libraryVersion)",
    ]
    return "certfleet \(Product.version)\(commit)\n\(libraries.joined(separator: ", "))\n"
  }
}
