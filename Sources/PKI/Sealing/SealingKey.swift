import COpenSSL
package import FoundationEssentials

/// Seals secrets for rest with AES-256-GCM (NIST SP 800-38D): 12 random bytes, the ciphertext, a 16-byte tag.
///
/// What a sealed value belongs to is bound to it as associated data, so that one row's key cannot be passed off
/// as another's.
package struct SealingKey: Sendable, CustomStringConvertible {
  package static let size = 32
  private static let nonceSize = 12
  private static let tagSize = 16

  private let bytes: [UInt8]

  /// `nil` unless there are 32 bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    self.bytes = bytes
  }

  package var description: String { "[REDACTED]" }

  package func seal(_ secret: Secret, for identity: String) throws(OpenSSLError) -> Data {
    let nonce = try SecureRandom.bytes(Self.nonceSize)
    let plain = Array(secret.reveal().utf8)
    var sealed = [UInt8](repeating: 0, count: plain.count)
    var tag = [UInt8](repeating: 0, count: Self.tagSize)
    let context = try unwrap(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
    defer { EVP_CIPHER_CTX_free(context) }
    var count: Int32 = 0
    let bound = Array(identity.utf8)
    try check(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, bytes, nonce), "EVP_EncryptInit_ex")
    try check(EVP_EncryptUpdate(context, nil, &count, bound, Int32(bound.count)), "EVP_EncryptUpdate")
    try check(EVP_EncryptUpdate(context, &sealed, &count, plain, Int32(plain.count)), "EVP_EncryptUpdate")
    var rest = [UInt8](repeating: 0, count: Self.tagSize)
    try check(EVP_EncryptFinal_ex(context, &rest, &count), "EVP_EncryptFinal_ex")
    try check(certfleet_gcm_tag(context, Int32(Self.tagSize), &tag), "EVP_CTRL_AEAD_GET_TAG")
    return Data(nonce + sealed + tag)
  }

  /// - Throws: `Unopened` when the key, the identity or the bytes are not those that were sealed.
  package func open(_ sealed: Data, for identity: String) throws -> Secret {
    guard sealed.count >= Self.nonceSize + Self.tagSize else { throw Unopened(identity: identity) }
    let nonce = Array(sealed.prefix(Self.nonceSize))
    var tag = Array(sealed.suffix(Self.tagSize))
    let body = Array(sealed.dropFirst(Self.nonceSize).dropLast(Self.tagSize))
    var plain = [UInt8](repeating: 0, count: body.count)
    let context = try unwrap(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
    defer { EVP_CIPHER_CTX_free(context) }
    var count: Int32 = 0
    let bound = Array(identity.utf8)
    try check(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, bytes, nonce), "EVP_DecryptInit_ex")
    try check(EVP_DecryptUpdate(context, nil, &count, bound, Int32(bound.count)), "EVP_DecryptUpdate")
    try check(EVP_DecryptUpdate(context, &plain, &count, body, Int32(body.count)), "EVP_DecryptUpdate")
    try check(certfleet_gcm_expect_tag(context, Int32(Self.tagSize), &tag), "EVP_CTRL_AEAD_SET_TAG")
    var rest = [UInt8](repeating: 0, count: Self.tagSize)
    guard EVP_DecryptFinal_ex(context, &rest, &count) == 1 else {
      ERR_clear_error()
      throw Unopened(identity: identity)
    }
    return Secret(String(decoding: plain, as: UTF8.self))
  }

  package struct Unopened: Error, Hashable, CustomStringConvertible {
    package let identity: String
    package var description: String {
      "the sealed \(identity) cannot be opened: the sealing key is not the one it was sealed with, or the data was altered"
    }
  }
}
