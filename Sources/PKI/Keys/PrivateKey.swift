import COpenSSL
package import Fleet

/// A private key in memory. It cannot be printed; its PEM form is a `Secret`.
///
/// `@unchecked Sendable` because an `EVP_PKEY` that nobody changes may be used from several threads (OpenSSL's
/// openssl-threads(7)), and nothing here changes it after it was made.
package final class PrivateKey: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { EVP_PKEY_free(pointer) }

  package static func generate(_ type: KeyType) throws(OpenSSLError) -> PrivateKey {
    let made =
      switch type {
      case .ecdsaP256: certfleet_generate_ec("P-256")
      case .ecdsaP384: certfleet_generate_ec("P-384")
      case .rsa2048: certfleet_generate_rsa(2048)
      case .rsa3072: certfleet_generate_rsa(3072)
      case .rsa4096: certfleet_generate_rsa(4096)
      }
    return PrivateKey(owning: try unwrap(made, "EVP_PKEY_Q_keygen"))
  }

  /// Reads an unencrypted PEM key of any kind that OpenSSL knows.
  package convenience init(pem: Secret) throws(OpenSSLError) {
    let bio = try MemoryBIO(pem.reveal().utf8)
    // An encrypted key must fail here instead of asking for its passphrase on the terminal.
    let refuse:
      @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
        { _, _, _, _ in -1 }
    self.init(
      owning: try unwrap(
        PEM_read_bio_PrivateKey(bio.pointer, nil, refuse, nil), "PEM_read_bio_PrivateKey"))
  }

  /// PKCS#8, unencrypted.
  package func pem() throws(OpenSSLError) -> Secret {
    let bio = try MemoryBIO()
    try check(
      PEM_write_bio_PKCS8PrivateKey(bio.pointer, pointer, nil, nil, 0, nil, nil),
      "PEM_write_bio_PKCS8PrivateKey")
    return Secret(bio.text)
  }

  /// PKCS#8, unencrypted, in DER.
  package func der() throws(OpenSSLError) -> Secret {
    let bio = try MemoryBIO()
    try check(
      i2d_PKCS8PrivateKey_bio(bio.pointer, pointer, nil, nil, 0, nil, nil), "i2d_PKCS8PrivateKey_bio")
    return Secret(bytes: bio.bytes)
  }

  /// An EC key's public point, as JWK names its halves (RFC 7518 §6.2.1).
  func publicPoint() throws(OpenSSLError) -> (x: [UInt8], y: [UInt8]) {
    var encoded = [UInt8](repeating: 0, count: 256)
    var count = 0
    try check(
      EVP_PKEY_get_octet_string_param(
        pointer, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, &encoded, encoded.count, &count),
      "EVP_PKEY_get_octet_string_param")
    // SEC 1 §2.3.3: 0x04, then both coordinates, each as long as the field.
    let half = (count - 1) / 2
    return (Array(encoded[1...half]), Array(encoded[(half + 1)..<count]))
  }
}
