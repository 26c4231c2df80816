import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  package static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let input = Array(bytes)
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    COpenSSL.SHA256(input, input.count, &digest)
    return digest
  }

  package static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String { hash(bytes).hexadecimal }
}

extension Sequence<UInt8> {
  /// Lower case, two digits a byte.
  package var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// Bytes from OpenSSL's generator, which the kernel seeds.
package enum SecureRandom {
  package static func bytes(_ count: Int) throws(OpenSSLError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try check(RAND_bytes(&bytes, Int32(count)), "RAND_bytes")
    return bytes
  }

  /// 128 bits in hexadecimal: a nonce or a token that cannot be guessed.
  package static func token() throws(OpenSSLError) -> String { try bytes(16).hexadecimal }
}
