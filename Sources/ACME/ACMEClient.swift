public import Foundation
public import PKI

/// RFC 8555 on the wire for one account: each method is one resource's request. It decides nothing; what to do
/// with an order is the caller's.
public actor ACMEClient {
  private let directoryURL: URL
  private let http: HTTPClient
  private let signer: JWSSigner
  private var account: URL?
  private var directory: Directory?
  private var nonces: [String] = []

  /// A server may refuse a nonce it gave (§6.5); one that refuses this many in a row refuses all.
  private static let nonceTries = 10
  private static let serverErrorTries = 4

  /// - Parameters:
  ///   - key: the account's `ecdsa-p256` key.
  ///   - account: the account's URL, where it is registered already.
  public init(directory: URL, http: HTTPClient, key: PrivateKey, account: URL?) {
    self.directoryURL = directory
    self.http = http
    self.signer = JWSSigner(key: key)
    self.account = account
  }

  /// §7.3: makes the account, or finds the one that this key has already.
  ///
  /// - Parameter contact: `mailto:` URLs.
  /// - Returns: the account's URL, which names it from now on.
  public func register(contact: [String], agreesToTerms: Bool) async throws -> URL {
    let request = NewAccount(termsOfServiceAgreed: agreesToTerms, contact: contact)
    let response = try await post(request, to: try await resources().newAccount, signedBy: .key)
    let url = try location(of: response)
    account = url
    return url
  }

  /// §7.4. The URL is what a crash must not lose.
  public func newOrder(names: [String]) async throws -> (url: URL, order: Order) {
    let request = NewOrder(identifiers: names.map(AcmeIdentifier.dns))
    let response = try await post(request, to: try await resources().newOrder)
    return (try location(of: response), try decode(Order.self, from: response))
  }

  public func order(at url: URL) async throws -> Answer<Order> { try await read(url) }

  public func authorization(at url: URL) async throws -> Answer<Authorization> { try await read(url) }

  /// §7.5.1: tells the server that the challenge is ready to be validated.
  public func answer(_ challenge: AcmeChallenge) async throws {
    _ = try await post(ChallengeAnswer(), to: challenge.url)
  }

  /// - Parameter request: the PKCS#10 request in DER.
  public func finalize(_ order: Order, request: [UInt8]) async throws {
    _ = try await post(Finalize(csr: Data(request).base64URL), to: order.finalize)
  }

  /// §7.4.2: the chain as PEM, leaf first.
  public func certificate(at url: URL) async throws -> String {
    let response = try await exchange(
      payload: nil, url: url, accept: "application/pem-certificate-chain", as: nil)
    return String(decoding: response.body, as: UTF8.self)
  }

  /// §8.1: what a challenge's solver must present.
  public nonisolated func keyAuthorization(for token: String) throws -> String {
    try signer.keyAuthorization(token: token)
  }

  /// A resource and when the server wants to be asked for it again.
  public struct Answer<Value: Sendable>: Sendable {
    public let value: Value
    public let retryAfter: Date?
  }

  // MARK: Requests

  private func read<Value: Decodable & Sendable>(_ url: URL) async throws -> Answer<Value> {
    let response = try await exchange(payload: nil, url: url, as: nil)
    return Answer(
      value: try decode(Value.self, from: response),
      retryAfter: response.headers["retry-after"].flatMap { RetryAfter.moment($0, now: Date()) })
  }

  private func post(
    _ payload: some Encodable, to url: URL, signedBy signer: JWSSigner.Signer? = nil
  ) async throws -> HTTPResponse {
    try await exchange(payload: try JSONEncoder().encode(payload), url: url, as: signer)
  }

  /// Signs, sends, and sends again when the server refuses the nonce or has a passing fault of its own.
  private func exchange(
    payload: Data?, url: URL, accept: String? = nil, as signedBy: JWSSigner.Signer?
  ) async throws -> HTTPResponse {
    guard let signedBy = signedBy ?? account.map(JWSSigner.Signer.account) else {
      throw Problem(type: "accountDoesNotExist", detail: "no account is registered yet", status: nil)
    }
    var (badNonces, faults) = (0, 0)
    while true {
      let nonce = try await takeNonce()
      let body = try signer.sign(payload: payload, url: url, nonce: nonce, as: signedBy)
      var headers = ["Content-Type": "application/jose+json"]
      headers["Accept"] = accept
      let response = try await http.send(HTTPRequest(.post, url, headers: headers, body: body))
      if let next = response.headers["replay-nonce"] { nonces.append(next) }
      if (200..<300).contains(response.status) { return response }
      let problem = problem(in: response)
      if problem.kind == "badNonce", badNonces < Self.nonceTries {
        badNonces += 1
        // §6.5: the nonce to retry with is the one of that very answer; older ones may have gone stale too.
        nonces = nonces.suffix(1)
      } else if response.status >= 500, faults < Self.serverErrorTries {
        try await Task.sleep(for: .milliseconds(250 << faults))
        faults += 1
      } else {
        throw problem
      }
    }
  }

  private func takeNonce() async throws -> String {
    if let nonce = nonces.popLast() { return nonce }
    let response = try await http.send(HTTPRequest(.head, try await resources().newNonce))
    guard let nonce = response.headers["replay-nonce"] else {
      throw Problem(type: "noNonce", detail: "the server gave no nonce", status: response.status)
    }
    return nonce
  }

  private func resources() async throws -> Directory {
    if let directory { return directory }
    let response = try await http.send(HTTPRequest(.get, directoryURL))
    guard response.status == 200 else { throw problem(in: response) }
    let read = try decode(Directory.self, from: response)
    directory = read
    return read
  }

  // MARK: Answers

  private func location(of response: HTTPResponse) throws -> URL {
    guard let url = response.headers["location"].flatMap(URL.init(string:)) else {
      throw Problem(type: "malformed", detail: "the server's answer has no Location", status: response.status)
    }
    return url
  }

  private func decode<Value: Decodable>(_ type: Value.Type, from response: HTTPResponse) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: response.body)
    } catch {
      throw Problem(
        type: "malformed", detail: "the server's \(type) cannot be read", status: response.status)
    }
  }

  private func problem(in response: HTTPResponse) -> Problem {
    guard var problem = try? JSONDecoder().decode(Problem.self, from: response.body) else {
      return Problem(type: "http", detail: "the server answered \(response.status)", status: response.status)
    }
    problem.status = response.status
    return problem
  }
}
