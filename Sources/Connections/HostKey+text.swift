package import Fleet
import SSH

extension HostKey {
  /// As `ssh-keygen -l` shows it: `256 SHA256:… web1 (ED25519)`.
  ///
  /// - Parameter comment: whose key it is.
  package func line(_ comment: String) -> String {
    ServerKey(self)?.line(comment) ?? "\(fingerprint) \(comment) (\(type))"
  }

  /// sshd's file on the host with its public half.
  package var file: String { "/etc/ssh/ssh_host_\(ServerKey(self)?.fileWord ?? "ed25519")_key.pub" }
}
