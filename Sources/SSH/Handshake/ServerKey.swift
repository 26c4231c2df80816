import COpenSSL
import CSSH2
import FoundationEssentials

/// A server's public host key.
package struct ServerKey: Hashable, Sendable {
  /// For example `ssh-ed25519`.
  package let type: String
  /// RFC 4253 §6.6: the wire format.
  package let blob: [UInt8]
  /// `SHA256:` and unpadded base64, as `ssh-keygen -l` shows it.
  package let fingerprint: String

  package init(type: String, blob: [UInt8], fingerprint: String) {
    self.type = type
    self.blob = blob
    self.fingerprint = fingerprint
  }

  package init(type: String, blob: [UInt8]) {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256(blob, blob.count, &digest)
    let hash = Data(digest).base64EncodedString().replacing("=", with: "")
    self.init(type: type, blob: blob, fingerprint: "SHA256:" + hash)
  }

  /// As `ssh-keygen -l` shows it: `256 SHA256:… web1 (ED25519)`.
  ///
  /// - Parameter comment: whose key it is.
  package func line(_ comment: String) -> String {
    let word = fileWord == "rsa" ? "RSA" : fileWord.uppercased()
    return "\(bits) \(fingerprint) \(comment) (\(word))"
  }

  /// As sshd's key files are named: `ssh_host_ed25519_key`.
  package var fileWord: String {
    if type.hasPrefix("ecdsa") { return "ecdsa" }
    return type == "ssh-rsa" ? "rsa" : "ed25519"
  }

  private var bits: Int {
    switch type {
    case "ssh-rsa":
      // RFC 4253 §6.6: the name, e, n; a leading zero byte keeps n from being negative (RFC 4251 §5).
      var rest = blob[...]
      let parts = (0..<3).map { _ in PrivateKeyFile.takeString(&rest) ?? [] }
      let modulus = parts[2].drop { $0 == 0 }
      return modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    case _ where type.hasPrefix("ecdsa"): return Int(type.suffix(3)) ?? 256
    default: return 256
    }
  }

  /// The key that a session's server has just proven to hold.
  init?(of session: borrowing SessionHandle) {
    var count = 0
    var kind: Int32 = 0
    guard let start = libssh2_session_hostkey(session.pointer, &count, &kind), count > 0 else { return nil }
    let blob = start.withMemoryRebound(to: UInt8.self, capacity: count) {
      Array(UnsafeBufferPointer(start: $0, count: count))
    }
    guard let type = Self.type(of: blob) else { return nil }
    self.init(type: type, blob: blob)
  }

  /// A key blob begins with its algorithm's name as an SSH string (RFC 4251 §5).
  static func type(of blob: [UInt8]) -> String? {
    guard blob.count > 4 else { return nil }
    let count = blob.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard count > 0, count <= 64, blob.count >= 4 + count else { return nil }
    return String(decoding: blob[4..<(4 + count)], as: UTF8.self)
  }

  /// What to offer so that the server shows a key of one of these types (RFC 8332 gave RSA keys new signatures).
  static func preferences(for types: [String]) -> String {
    types.flatMap { $0 == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [$0] }.joined(
      separator: ",")
  }

  /// From the strongest to the last that OpenSSH's servers have.
  package static let knownTypes = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
  ]
}
