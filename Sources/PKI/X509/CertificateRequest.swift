import COpenSSL

/// A PKCS#10 request (RFC 2986) for DNS names.
public enum CertificateRequest {
  /// The request in DER, signed by `key`, with an empty subject: RFC 8555 §7.4 takes the names from the
  /// subjectAltName extension.
  public static func der(names: [String], key: PrivateKey) throws(OpenSSLError) -> [UInt8] {
    let request = try unwrap(X509_REQ_new(), "X509_REQ_new")
    defer { X509_REQ_free(request) }
    let value = names.map { "DNS:\($0)" }.joined(separator: ",")
    let names = try unwrap(
      X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, value), "X509V3_EXT_conf_nid")
    defer { X509_EXTENSION_free(names) }
    try check(certfleet_add_extension(request, names), "X509_REQ_add_extensions")
    try check(X509_REQ_set_pubkey(request, key.pointer), "X509_REQ_set_pubkey")
    guard X509_REQ_sign(request, key.pointer, EVP_sha256()) > 0 else { throw OpenSSLError("X509_REQ_sign") }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_REQ(request, &bytes)
    guard count > 0, let bytes else { throw OpenSSLError("i2d_X509_REQ") }
    defer { CRYPTO_free(bytes, #file, #line) }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
  }
}
