import COpenSSL
import Fleet
package import FoundationEssentials

/// What ACME needs of JOSE: flattened JWS (RFC 7515 §7.2.2), and key authorizations.
package struct JWSSigner: Sendable {
  private let key: PrivateKey

  /// - Parameter key: of any kind that a lineage may ask for.
  package init(key: PrivateKey) { self.key = key }

  /// Who signs: RFC 8555 §6.2 wants the key itself for a new account, and the account's URL afterwards.
  package enum Signer: Sendable {
    case key
    case account(URL)
  }

  /// - Parameters:
  ///   - payload: `nil` makes the empty payload of a POST-as-GET (RFC 8555 §6.3).
  ///   - nonce: `nil` for the inner JWS of a key change (§7.3.5).
  package func sign(payload: Data?, url: URL, nonce: String?, as signer: Signer) throws -> Data {
    let jwk = try JWK(key)
    var header = JWSHeader(alg: jwk.algorithm.rawValue, url: url.absoluteString, nonce: nonce)
    switch signer {
    case .key: header.jwk = jwk.members
    case .account(let account): header.kid = account.absoluteString
    }
    return try FlattenedJWS.make(header: header, payload: payload ?? Data()) { message in
      try sign(message, jwk.algorithm)
    }
  }

  /// RFC 8555 §8.1: token, dot, base64url(SHA-256(RFC 7638 form of the key)).
  package func keyAuthorization(token: String) throws -> String { "\(token).\(try JWK(key).thumbprint())" }

  /// The public key as JSON.
  package func publicKey() throws -> Data {
    Data(try FleetJSON.canonical(try JWK(key).members).utf8)
  }

  private func sign(_ message: [UInt8], _ algorithm: JWK.Algorithm) throws(OpenSSLError) -> [UInt8] {
    let context = try unwrap(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
    defer { EVP_MD_CTX_free(context) }
    try check(EVP_DigestSignInit(context, nil, algorithm.digest, nil, key.pointer), "EVP_DigestSignInit")
    var signature = [UInt8](repeating: 0, count: 1024)
    var count = signature.count
    try check(EVP_DigestSign(context, &signature, &count, message, message.count), "EVP_DigestSign")
    guard let size = algorithm.coordinateSize else { return Array(signature.prefix(count)) }
    return try Self.raw(Array(signature.prefix(count)), size)
  }

  /// OpenSSL signs in DER; RFC 7518 §3.4 wants R and S side by side.
  private static func raw(_ der: [UInt8], _ size: Int32) throws(OpenSSLError) -> [UInt8] {
    try der.withUnsafeBufferPointer { buffer throws(OpenSSLError) in
      var start = buffer.baseAddress
      let signature = try unwrap(d2i_ECDSA_SIG(nil, &start, buffer.count), "d2i_ECDSA_SIG")
      defer { ECDSA_SIG_free(signature) }
      var raw = [UInt8](repeating: 0, count: Int(size) * 2)
      raw.withUnsafeMutableBufferPointer { raw in
        _ = BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.baseAddress, size)
        _ = BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.baseAddress.map { $0 + Int(size) }, size)
      }
      return raw
    }
  }
}

/// RFC 7515 §7.2.2.
enum FlattenedJWS {
  static func make(
    header: JWSHeader, payload: Data, _ sign: ([UInt8]) throws -> [UInt8]
  ) throws -> Data {
    let protected = Data(try FleetJSON.canonical(header).utf8).base64URL
    let body = payload.base64URL
    let signature = try sign(Array("\(protected).\(body)".utf8))
    let signed = ["protected": protected, "payload": body, "signature": Data(signature).base64URL]
    return Data(try FleetJSON.canonical(signed).utf8)
  }
}

/// RFC 7515 §4.1, as far as RFC 8555 §6.2 and §7.3.4 want it.
struct JWSHeader: Encodable {
  var alg: String
  var url: String
  var nonce: String?
  var jwk: [String: String]?
  var kid: String?
}

extension Data {
  /// RFC 7515 §2: base64url without padding.
  package var base64URL: String {
    base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  /// Reads base64url; padding may stand or not. `nil` for anything else.
  package init?(base64URL text: String) {
    let plain = text.replacing("=", with: "")
    guard plain.utf8.allSatisfy({ $0.isBase64URL }) else { return nil }
    let standard = plain.replacing("-", with: "+").replacing("_", with: "/")
    self.init(base64Encoded: standard + String(repeating: "=", count: (4 - standard.count % 4) % 4))
  }
}

extension UInt8 {
  fileprivate var isBase64URL: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
