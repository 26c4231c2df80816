package import Fleet
import FoundationEssentials

/// What puts the agent on a host for a key that may do nothing else (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
package struct AgentInstallation: Sendable {
  package let host: Host
  package let permissions: AgentPermissions
  package let key: PublicKey

  /// A public key as a line of `authorized_keys` has it.
  package struct PublicKey: Hashable, Sendable {
    /// For example `ssh-ed25519`.
    package let type: String
    /// Base64 of the wire format (RFC 4253 §6.6).
    package let encoded: String

    package init(type: String, encoded: String) {
      self.type = type
      self.encoded = encoded
    }
  }

  /// - Parameter login: whom the host knows the key's owner as.
  package init(on host: Host, as login: String, key: PublicKey, permissions: AgentPermissions) {
    self.host = host
    self.login = login
    self.key = key
    self.permissions = permissions
  }

  package let login: String

  /// How long the host waits to hear whether a login with the key works.
  package static let confirmTimeout = Duration.seconds(60)

  /// What is done with it.
  package enum Direction: Sendable { case install, uninstall }

  /// For the stdin of `AgentScript.command`, as one who may do all this.
  package func bytes(nonce: String, _ direction: Direction) -> [UInt8] {
    let words = [
      nonce, login, host.become == nil ? "no" : "yes", key.type, key.encoded,
      String(Int(Self.confirmTimeout.seconds)), "end",
    ].map(AgentScript.quoted).joined(separator: " ")
    if direction == .uninstall {
      return Array(
        "\(String(decoding: PackageResources.install_agent_sh, as: UTF8.self))\ncertfleet_uninstall \(words)\n"
          .utf8)
    }
    let text = """
      \(String(decoding: PackageResources.install_agent_sh, as: UTF8.self))
      certfleet_agent='\(Self.wrapped(AgentScript.text + "\n"))'
      certfleet_configuration='\(Self.wrapped(permissions.text))'
      certfleet_install \(words)

      """
    return Array(text.utf8)
  }

  /// Base64 in lines, as some shells read a line slowly that is very long.
  private static func wrapped(_ text: String) -> String {
    Data(text.utf8).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
  }
}
