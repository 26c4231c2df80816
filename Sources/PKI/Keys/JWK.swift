import COpenSSL
import Fleet
import FoundationEssentials

/// A public key as JOSE writes it (RFC 7517), and the signature algorithm that goes with it (RFC 7518).
struct JWK {
  /// The members that RFC 7638 §3.2 hashes, which are all that ACME needs.
  let members: [String: String]
  let algorithm: Algorithm

  enum Algorithm: String {
    case es256 = "ES256"
    case es384 = "ES384"
    case rs256 = "RS256"

    var digest: OpaquePointer? { self == .es384 ? EVP_sha384() : EVP_sha256() }
    /// RFC 7518 §3.4: R and S, each as long as the curve's order; RSA signatures stay as they are.
    var coordinateSize: Int32? {
      switch self {
      case .es256: 32
      case .es384: 48
      case .rs256: nil
      }
    }
  }

  init(_ key: PrivateKey) throws(OpenSSLError) {
    switch key.type {
    case .ecdsaP256, .ecdsaP384:
      let (x, y) = try key.publicPoint()
      algorithm = key.type == .ecdsaP256 ? .es256 : .es384
      members = [
        "crv": key.type == .ecdsaP256 ? "P-256" : "P-384", "kty": "EC", "x": Data(x).base64URL,
        "y": Data(y).base64URL,
      ]
    case .rsa2048, .rsa3072, .rsa4096:
      algorithm = .rs256
      members = [
        "e": Data(try key.number(OSSL_PKEY_PARAM_RSA_E)).base64URL, "kty": "RSA",
        "n": Data(try key.number(OSSL_PKEY_PARAM_RSA_N)).base64URL,
      ]
    case nil:
      throw OpenSSLError(call: "JWK", reason: "this kind of key cannot sign requests to an ACME server")
    }
  }

  /// RFC 7638 §3.3: members in their order, nothing between them, no slash escaped.
  func thumbprint() throws -> String {
    Data(SHA256.hash(Array(try FleetJSON.canonical(members).utf8))).base64URL
  }
}

extension PrivateKey {
  /// One of a key's numbers, big-endian, without leading zeros.
  fileprivate func number(_ name: String) throws(OpenSSLError) -> [UInt8] {
    var found: OpaquePointer?
    try check(EVP_PKEY_get_bn_param(pointer, name, &found), "EVP_PKEY_get_bn_param")
    let number = try unwrap(found, "EVP_PKEY_get_bn_param")
    defer { BN_free(number) }
    var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(number)) + 7) / 8)
    BN_bn2bin(number, &bytes)
    return bytes
  }
}
