package import FoundationEssentials
package import PKI

/// RFC 8555 §7.4 and after: orders, authorizations, certificates.
extension ACMEClient {
  /// §7.4. The URL is what a crash must not lose.
  ///
  /// - Parameters:
  ///   - profile: one of those that the directory names (draft-ietf-acme-profiles §4).
  ///   - replaces: the certificate that this one takes the place of, by its renewal identifier (RFC 9773 §5).
  package func newOrder(
    names: [String], profile: String? = nil, replaces: String? = nil
  ) async throws -> (url: URL, order: Order) {
    let request = NewOrder(
      identifiers: names.map(AcmeIdentifier.init(name:)), profile: profile, replaces: replaces)
    let response = try await post(request, to: try await resources().newOrder)
    return (try response.location(), try response.decode(Order.self))
  }

  package func order(at url: URL) async throws -> Answer<Order> { try await read(url) }

  package func authorization(at url: URL) async throws -> Answer<Authorization> { try await read(url) }

  /// §7.5.1: tells the server that the challenge is ready to be validated.
  package func answer(_ challenge: AcmeChallenge) async throws {
    _ = try await post(ChallengeAnswer(), to: challenge.url)
  }

  /// - Parameter request: the PKCS#10 request in DER.
  /// - Returns: the order as it is then.
  package func finalize(_ order: Order, request: Data) async throws -> Answer<Order> {
    let response = try await post(Finalize(csr: request.base64URL), to: order.finalize)
    return Answer(value: try response.decode(Order.self), retryAfter: response.retryAfter)
  }

  /// §7.4.2: the chain as PEM, leaf first, and where the other chains for the same certificate are.
  package func certificate(at url: URL) async throws -> (pem: String, alternates: [URL]) {
    let response = try await exchange(payload: nil, url: url, accept: "application/pem-certificate-chain")
    return (String(decoding: response.body, as: UTF8.self), response.links(relation: "alternate"))
  }

  /// RFC 9773 §4: when the CA wants a certificate renewed; `nil` where it does not say such things.
  ///
  /// - Parameter id: §4.1's.
  package func renewalInfo(of id: String) async throws -> Answer<RenewalInfo>? {
    guard let base = try await resources().renewalInfo else { return nil }
    return try await get(base.appending(path: id))
  }

  /// §7.6: who asks for a revocation.
  package enum Revoker: Sendable {
    case account
    case certificateKey(PrivateKey)
  }

  /// - Parameters:
  ///   - certificate: in DER.
  ///   - reason: RFC 5280 §5.3.1's code.
  package func revoke(certificate: [UInt8], reason: Int, by revoker: Revoker) async throws {
    guard let url = try await resources().revokeCert else {
      throw Problem(type: "unsupported", detail: "the CA does not take revocations", status: nil)
    }
    let request = Revocation(certificate: Data(certificate).base64URL, reason: reason)
    switch revoker {
    case .account: _ = try await post(request, to: url)
    case .certificateKey(let key): _ = try await post(request, to: url, signedBy: .key(JWSSigner(key: key)))
    }
  }
}
