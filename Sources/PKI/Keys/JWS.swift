import COpenSSL
public import Foundation

/// What ACME needs of JOSE: flattened JWS (RFC 7515 §7.2.2) signed with ES256, and key thumbprints (RFC 7638).
public struct JWSSigner: Sendable {
  private let key: PrivateKey

  /// - Parameter key: an `ecdsa-p256` key; RFC 7518 §3.4 ties ES256 to that curve.
  public init(key: PrivateKey) { self.key = key }

  /// Who signs: RFC 8555 §6.2 wants the key itself for a new account, and the account's URL afterwards.
  public enum Signer: Sendable {
    case key
    case account(URL)
  }

  /// - Parameter payload: `nil` makes the empty payload of a POST-as-GET (RFC 8555 §6.3).
  public func sign(payload: Data?, url: URL, nonce: String, as signer: Signer) throws -> Data {
    var header: [String: Any] = ["alg": "ES256", "nonce": nonce, "url": url.absoluteString]
    switch signer {
    case .key: header["jwk"] = try jwk()
    case .account(let account): header["kid"] = account.absoluteString
    }
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    let protected = try JSONSerialization.data(withJSONObject: header, options: options).base64URL
    let body = payload?.base64URL ?? ""
    let signature = try signES256(Array("\(protected).\(body)".utf8))
    return try JSONSerialization.data(
      withJSONObject: ["protected": protected, "payload": body, "signature": Data(signature).base64URL],
      options: options)
  }

  /// RFC 8555 §8.1: token, dot, base64url(SHA-256(RFC 7638 form of the key)).
  public func keyAuthorization(token: String) throws -> String {
    let canonical = try JSONSerialization.data(withJSONObject: jwk(), options: [.sortedKeys])
    return "\(token).\(Data(SHA256.hash(canonical)).base64URL)"
  }

  private func jwk() throws(OpenSSLError) -> [String: String] {
    let point = try key.publicPoint()
    return ["crv": "P-256", "kty": "EC", "x": Data(point.x).base64URL, "y": Data(point.y).base64URL]
  }

  /// OpenSSL signs in DER; RFC 7518 §3.4 wants R and S, 32 bytes each.
  private func signES256(_ message: [UInt8]) throws(OpenSSLError) -> [UInt8] {
    let context = try unwrap(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
    defer { EVP_MD_CTX_free(context) }
    try check(EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key.pointer), "EVP_DigestSignInit")
    var der = [UInt8](repeating: 0, count: 128)
    var count = der.count
    try check(EVP_DigestSign(context, &der, &count, message, message.count), "EVP_DigestSign")
    return try der.withUnsafeBufferPointer { buffer throws(OpenSSLError) in
      var start = buffer.baseAddress
      let signature = try unwrap(d2i_ECDSA_SIG(nil, &start, count), "d2i_ECDSA_SIG")
      defer { ECDSA_SIG_free(signature) }
      var raw = [UInt8](repeating: 0, count: 64)
      raw.withUnsafeMutableBufferPointer { raw in
        _ = BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.baseAddress, 32)
        _ = BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.baseAddress.map { $0 + 32 }, 32)
      }
      return raw
    }
  }
}

extension Data {
  /// RFC 7515 §2: base64url without padding.
  public var base64URL: String {
    base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
