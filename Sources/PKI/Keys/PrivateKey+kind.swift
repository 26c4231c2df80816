import COpenSSL
package import Fleet

extension PrivateKey {
  /// Which of the kinds that a lineage may ask for this is; `nil` for any other.
  package var type: KeyType? { PublicKeyKind(pointer).type }

  /// The SHA-256 of the public half (RFC 5280's SubjectPublicKeyInfo in DER), as a person compares it.
  package var publicFingerprint: String { PublicKeyKind(pointer).fingerprint }
}

/// What can be said about a key from its public half.
struct PublicKeyKind {
  private let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }

  var bits: Int { Int(EVP_PKEY_get_bits(pointer)) }
  var isRSA: Bool { certfleet_is_rsa(pointer) == 1 }

  var type: KeyType? {
    if isRSA {
      switch bits {
      case 2048: .rsa2048
      case 3072: .rsa3072
      case 4096: .rsa4096
      default: nil
      }
    } else if certfleet_is_ec(pointer) == 1 {
      switch bits {
      case 256: .ecdsaP256
      case 384: .ecdsaP384
      default: nil
      }
    } else {
      nil
    }
  }

  var fingerprint: String {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_PUBKEY(pointer, &bytes)
    guard count > 0, let bytes else { return "unknown" }
    defer { CRYPTO_free(bytes, #file, #line) }
    return "SHA256:" + SHA256.hexadecimal(UnsafeBufferPointer(start: bytes, count: Int(count))).prefix(32)
  }
}
