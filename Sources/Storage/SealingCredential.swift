import FoundationEssentials
import Glibc
import Synchronization

/// The sealing key as a systemd credential: on the disk only encrypted, by a key of this machine's or its TPM (systemd-creds(1)).
/// systemd gives it to the service (`LoadCredentialEncrypted=`); root by hand decrypts it before becoming the user whose the state is.
package enum SealingCredential {
  static let name = "certfleet.sealing.key"
  static let path = "/etc/credstore.encrypted/" + name
  private static let decrypted = Mutex<Data?>(nil)

  /// For root, where the system's state has no sealing key beside it; a state of somebody else's gets no key of the system's. No
  /// thread is begun.
  package static func decrypt(for home: String) {
    guard geteuid() == 0, home == StateDirectory.systemPath, access(home + "/sealing.key", F_OK) != 0,
      access(path, F_OK) == 0,
      let pipe = popen("exec systemd-creds decrypt --name=\(name) \(path) -", "re")
    else { return }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, pipe)
    if pclose(pipe) == 0, count > 0 { decrypted.withLock { $0 = Data(bytes.prefix(count)) } }
    bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
  }

  /// `nil` where there is none.
  static var bytes: Data? {
    decrypted.withLock { $0 }
      ?? getenv("CREDENTIALS_DIRECTORY").flatMap {
        FileManager.default.contents(atPath: "\(String(cString: $0))/\(name)")
      }
  }
}
