import COpenSSL
package import Fleet
package import FoundationEssentials

/// A PKCS#10 request (RFC 2986) for DNS names and IP addresses.
package struct CertificateRequest: Hashable, Sendable {
  package let der: Data

  /// A request signed by `key`, with an empty subject: RFC 8555 §7.4 takes the names from the subjectAltName
  /// extension.
  package init(names: [String], key: PrivateKey) throws(OpenSSLError) {
    let request = try unwrap(X509_REQ_new(), "X509_REQ_new")
    defer { X509_REQ_free(request) }
    let value = names.map { ($0.isIPAddress ? "IP:" : "DNS:") + $0 }.joined(separator: ",")
    let names = try unwrap(
      X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, value), "X509V3_EXT_conf_nid")
    defer { X509_EXTENSION_free(names) }
    try check(certfleet_add_extension(request, names), "X509_REQ_add_extensions")
    try check(X509_REQ_set_pubkey(request, key.pointer), "X509_REQ_set_pubkey")
    guard X509_REQ_sign(request, key.pointer, EVP_sha256()) > 0 else { throw OpenSSLError("X509_REQ_sign") }
    der = try Self.der(of: request)
  }

  /// Reads a request that was made elsewhere, whose signature must hold.
  package init(pem: String) throws(OpenSSLError) {
    let bio = try MemoryBIO(pem.utf8)
    let request = try unwrap(PEM_read_bio_X509_REQ(bio.pointer, nil, nil, nil), "PEM_read_bio_X509_REQ")
    defer { X509_REQ_free(request) }
    let key = try unwrap(X509_REQ_get0_pubkey(request), "X509_REQ_get0_pubkey")
    try check(X509_REQ_verify(request, key), "X509_REQ_verify")
    der = try Self.der(of: request)
  }

  /// One that was read before.
  package init(der: Data) { self.der = der }

  /// Whether `certificate` is for the key of this request.
  func hasKey(of certificate: X509Certificate) -> Bool {
    withPublicKey { ours in
      X509_get0_pubkey(certificate.pointer).map { EVP_PKEY_eq(ours, $0) == 1 } ?? false
    } ?? false
  }

  /// Of which kind its key is; `nil` for one that no lineage may ask for.
  package var keyType: KeyType? { withPublicKey { PublicKeyKind($0).type } ?? nil }

  private func withPublicKey<Result>(_ use: (OpaquePointer) -> Result) -> Result? {
    defer { ERR_clear_error() }
    return Array(der).withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress
      guard let request = d2i_X509_REQ(nil, &start, buffer.count) else { return nil }
      defer { X509_REQ_free(request) }
      return X509_REQ_get0_pubkey(request).map(use)
    }
  }

  private static func der(of request: OpaquePointer) throws(OpenSSLError) -> Data {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_REQ(request, &bytes)
    guard count > 0, let bytes else { throw OpenSSLError("i2d_X509_REQ") }
    defer { CRYPTO_free(bytes, #file, #line) }
    return Data(bytes: bytes, count: Int(count))
  }
}

/// The key that a certificate is requested for: ours, or one that never leaves its host.
package enum CertificateKey: Sendable {
  case held(PrivateKey)
  case onHost(HostKeyRequest)

  /// - Returns: the PKCS#10 request in DER for `names`.
  package func request(for names: [String]) throws -> Data {
    switch self {
    case .held(let key): try CertificateRequest(names: names, key: key).der
    case .onHost(let made): made.request.der
    }
  }

  /// Whether it is a key as the lineage wants them now.
  package func fits(_ policy: KeyPolicy) -> Bool {
    switch self {
    case .held(let key): policy.place == .controller && key.type == policy.type
    case .onHost(let made): policy.place == .host && made.request.keyType == policy.type
    }
  }

  func matches(_ certificate: X509Certificate) -> Bool {
    switch self {
    case .held(let key): certificate.belongs(to: key)
    case .onHost(let made): made.request.hasKey(of: certificate)
    }
  }
}

/// What a host has made of its key.
package struct HostKeyRequest: Hashable, Sendable {
  /// Names the key on the host.
  package let id: String
  package let request: CertificateRequest

  package init(id: String, request: CertificateRequest) {
    self.id = id
    self.request = request
  }
}
