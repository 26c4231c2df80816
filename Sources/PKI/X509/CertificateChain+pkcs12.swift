import COpenSSL

extension CertificateChain {
  /// RFC 7292, with OpenSSL's own choice of ciphers (AES-256 and SHA-256 since 3.0).
  ///
  /// - Parameter name: the entry's friendlyName, which Java calls its alias.
  package func pkcs12(key: PrivateKey, name: String, password: Secret) throws(OpenSSLError) -> Secret {
    let others = certfleet_new_certificates()
    defer { certfleet_free_certificates(others) }
    for certificate in intermediates {
      guard certfleet_push_certificate(others, certificate.pointer) == 1 else {
        throw OpenSSLError("sk_X509_push")
      }
    }
    let made = try unwrap(
      PKCS12_create(password.reveal(), name, key.pointer, leaf.pointer, others, 0, 0, 0, 0, 0),
      "PKCS12_create")
    defer { PKCS12_free(made) }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_PKCS12(made, &bytes)
    guard count > 0, let bytes else { throw OpenSSLError("i2d_PKCS12") }
    defer { CRYPTO_clear_free(bytes, Int(count), #file, #line) }
    return Secret(bytes: Array(UnsafeBufferPointer(start: bytes, count: Int(count))))
  }
}
