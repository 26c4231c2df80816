package import Fleet
import COpenSSL
import FoundationEssentials

extension X509Certificate {
  /// RFC 9773 §4.1: the authority key identifier and the serial number's DER value, a leading zero included, each in
  /// base64url. `nil` where the certificate does not name its authority's key.
  package var renewalID: String? {
    guard let keyID = X509_get0_authority_key_id(pointer), let bytes = ASN1_STRING_get0_data(keyID) else {
      return nil
    }
    let authority = Data(bytes: bytes, count: Int(ASN1_STRING_length(keyID)))
    var der: UnsafeMutablePointer<UInt8>?
    let count = i2d_ASN1_INTEGER(X509_get0_serialNumber(pointer), &der)
    guard count > 2, let der else { return nil }
    defer { CRYPTO_free(der, #file, #line) }
    // X.690 §8.1: tag and length, one octet each; RFC 5280 §4.1.2.2 limits serials to 20 octets.
    return authority.base64URL + "." + Data(bytes: der + 2, count: Int(count) - 2).base64URL
  }

  /// The issuer's common name, else its whole name.
  package var issuerName: String { Self.commonName(X509_get_issuer_name(pointer)) }
  package var subjectName: String { Self.commonName(X509_get_subject_name(pointer)) }

  /// Whether its issuer and its subject are one: a root, or a certificate that vouches for itself.
  var isSelfIssued: Bool { X509_NAME_cmp(X509_get_issuer_name(pointer), X509_get_subject_name(pointer)) == 0 }

  /// Whether `issuer` signed this certificate.
  func isSigned(by issuer: X509Certificate) -> Bool {
    defer { ERR_clear_error() }
    guard X509_check_issued(issuer.pointer, pointer) == X509_V_OK, let key = X509_get0_pubkey(issuer.pointer)
    else { return false }
    return X509_verify(pointer, key) == 1
  }

  /// Of its public key; `nil` for one that is not made here.
  package var keyType: KeyType? { key?.type }
  var key: PublicKeyKind? { X509_get0_pubkey(pointer).map(PublicKeyKind.init) }

  private static func commonName(_ name: OpaquePointer?) -> String {
    guard let name else { return "" }
    var text = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(name, NID_commonName, &text, Int32(text.count))
    if count > 0 {
      return String(decoding: text.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    guard let line = X509_NAME_oneline(name, nil, 0) else { return "" }
    defer { CRYPTO_free(line, #file, #line) }
    return String(cString: line)
  }
}
