import FoundationEssentials

/// What a host needs to see by the text alone that a private key belongs to a certificate. Both hold the public key, each in base64 that
/// depends on where in a group of three bytes it begins (RFC 4648, 4): so this is a part of it in each of the three ways. With another
/// part in the key's file than in the certificate's, or none, the host asks its OpenSSL.
struct PublicKeyText {
  let texts: [String]

  /// Of a SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7). Its last bytes but a few are the curve's point, or the modulus of RSA.
  init?(_ key: [UInt8]) {
    guard key.count >= 91 else { return nil }
    let part = key.suffix(60).prefix(48)
    texts = (0...2).map { before in
      let text = Data(repeatElement(0, count: before) + part).base64EncodedString()
      // Characters that have a bit of something else are left out.
      let (first, last) = ((before * 8 + 5) / 6, (before + part.count) * 8 / 6)
      return String(text.prefix(last).dropFirst(first))
    }
  }
}
