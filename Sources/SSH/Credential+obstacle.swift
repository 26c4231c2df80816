import CSSH2
import FoundationEssentials
import System

/// What a login needs that the linked libssh2 has not.
extension Credential {
  /// libssh2 1.11 brought RFC 8332's signatures.
  static var signsRSAWithSHA1: Bool { libssh2_version(0x01_0b_00) == nil }

  /// The user's default key, where that is what is logged in with.
  package static func standardIdentity(_ environment: [String: String]) -> String? {
    if environment["SSH_AUTH_SOCK"].map({ !$0.isEmpty }) ?? false { return nil }
    let home = SystemUser.home(environment)
    return ["id_ed25519", "id_ecdsa", "id_rsa"].map { "\(home)/.ssh/\($0)" }.first(
      where: FileManager.default.fileExists(atPath:))
  }

  /// Why libssh2 cannot log in with an identity file as ssh does; `nil` where it can.
  package static func obstacle(identity: String, environment: [String: String]) -> String? {
    let path = identity.hasPrefix("~/") ? SystemUser.home(environment) + identity.dropFirst() : identity
    if FileManager.default.fileExists(atPath: path + "-cert.pub") {
      return "there is an OpenSSH certificate beside its key"
    }
    guard let type = publicKey(identity: path, environment: environment)?.type else { return nil }
    if type.hasPrefix("sk-") { return "its key is in a FIDO token" }
    return type == "ssh-rsa" && signsRSAWithSHA1
      ? "its key is an RSA key, which libssh2 \(LIBSSH2_VERSION) signs with SHA-1, as sshd takes it no more"
      : nil
  }
}
