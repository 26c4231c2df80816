import COpenSSL
package import Fleet
package import FoundationEssentials
import Glibc

/// One X.509 certificate, read.
///
/// `@unchecked Sendable` because the `X509` is never changed after it was parsed, and reading one from several
/// threads is safe (openssl-threads(7)).
package final class X509Certificate: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { X509_free(pointer) }

  package func der() throws(OpenSSLError) -> [UInt8] { try encoded("i2d_X509") { i2d_X509(pointer, &$0) } }

  private func encoded(
    _ name: String, by encode: (inout UnsafeMutablePointer<UInt8>?) -> Int32
  ) throws(OpenSSLError) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = encode(&bytes)
    guard count > 0, let bytes else { throw OpenSSLError(name) }
    defer { CRYPTO_free(bytes, #file, #line) }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
  }

  package func pem() throws(OpenSSLError) -> String {
    let bio = try MemoryBIO()
    try check(PEM_write_bio_X509(bio.pointer, pointer), "PEM_write_bio_X509")
    return bio.text
  }

  package func fingerprint() throws(OpenSSLError) -> Fingerprint {
    Fingerprint(SHA256.hexadecimal(try der()))
  }

  /// Its SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
  package func publicKey() throws(OpenSSLError) -> [UInt8] {
    try encoded("i2d_X509_PUBKEY") { i2d_X509_PUBKEY(X509_get_X509_PUBKEY(pointer), &$0) }
  }

  /// Whether `key` is the private half of this certificate's public key.
  package func belongs(to key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_check_private_key(pointer, key.pointer) == 1
  }

  /// Hexadecimal, as `openssl x509 -serial` shows it.
  package func serial() throws(OpenSSLError) -> String {
    let number = try unwrap(ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil), "ASN1_INTEGER_to_BN")
    defer { BN_free(number) }
    let text = try unwrap(BN_bn2hex(number), "BN_bn2hex")
    defer { CRYPTO_free(text, #file, #line) }
    return String(cString: text)
  }

  package func notBefore() throws(OpenSSLError) -> Date { try Self.moment(X509_get0_notBefore(pointer)) }
  package func notAfter() throws(OpenSSLError) -> Date { try Self.moment(X509_get0_notAfter(pointer)) }

  /// The DNS names, lower case, and IP addresses of the subjectAltName extension (RFC 5280 §4.2.1.6).
  package var names: [String] {
    guard let all = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(all)
    defer { GENERAL_NAMES_free(names) }
    return (0..<certfleet_count_names(names)).compactMap { index in
      guard let name = certfleet_name_at(names, index), let value = certfleet_name_value(name),
        let bytes = ASN1_STRING_get0_data(value)
      else { return nil }
      let buffer = UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(value)))
      return certfleet_name_is_dns(name) == 1
        ? String(decoding: buffer, as: UTF8.self).lowercased() : Self.address(buffer)
    }
  }

  /// RFC 5280 §4.2.1.6: four octets or sixteen, "in network byte order".
  private static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard
      inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes.baseAddress, &text, socklen_t(text.count)) != nil
    else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func moment(_ time: UnsafePointer<ASN1_TIME>?) throws(OpenSSLError) -> Date {
    var parts = tm()
    try check(ASN1_TIME_to_tm(time, &parts), "ASN1_TIME_to_tm")
    return Date(timeIntervalSince1970: TimeInterval(timegm(&parts)))
  }
}
