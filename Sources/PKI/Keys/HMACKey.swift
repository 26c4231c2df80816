import COpenSSL
import Fleet
package import FoundationEssentials

/// The key of an external account (RFC 8555 §7.3.4), which "the CA operator" gives out.
package struct HMACKey: Sendable {
  private let bytes: [UInt8]

  /// Reads a file with the key in base64url, as CAs show it.
  ///
  /// - Throws: `Unreadable`, which never holds what the file holds.
  package init(contentsOf path: String) throws(Unreadable) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Unreadable(description: "the key cannot be read")
    }
    let text = String(decoding: data, as: UTF8.self).trimmed
    guard let key = Data(base64URL: text) else {
      throw Unreadable(description: "the key is not base64url; copy it as the CA shows it")
    }
    guard key.count >= 16 else { throw Unreadable(description: "the key is too short (\(key.count) bytes)") }
    bytes = Array(key)
  }

  /// A secret that two share, as it is.
  package init(secret: String) { bytes = Array(secret.utf8) }

  package struct Unreadable: Error, CustomStringConvertible {
    package let description: String
  }

  /// §7.3.4: the account's public key, signed with HS256 under the key's identifier.
  package func binding(of account: JWSSigner, keyID: String, url: URL) throws -> Data {
    try FlattenedJWS.make(
      header: JWSHeader(alg: "HS256", url: url.absoluteString, kid: keyID), payload: try account.publicKey()
    ) { try code(of: $0) }
  }

  /// HMAC with SHA-256 (RFC 2104).
  package func code(of message: [UInt8]) throws -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    var count: UInt32 = 0
    _ = try unwrap(
      HMAC(EVP_sha256(), bytes, Int32(bytes.count), message, message.count, &digest, &count), "HMAC")
    return digest
  }
}
