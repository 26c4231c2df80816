package import FoundationEssentials
package import PKI

/// RFC 8555 on the wire for one account: each method is one resource's request. It decides nothing; what to do
/// with an order is the caller's. Any number of requests may be under way; they share one pool of nonces.
package actor ACMEClient {
  private let directoryURL: URL
  private let http: HTTPClient
  var signer: JWSSigner
  package private(set) var account: URL?
  private var directory: Directory?
  private var nonces: [String] = []
  /// The server has asked for less; nothing is sent before.
  private var resumeAt = Date.distantPast
  /// How far the server's clock is ahead of ours, in seconds.
  private var serverAhead: TimeInterval = 0

  /// A server may refuse a nonce it gave (§6.5); one that refuses this many in a row refuses all.
  private static let nonceTries = 20
  private static let serverErrorTries = 4
  private static let slowDownTries = 10
  /// A server that asks for a longer pause is left alone, and the order waits for another run.
  private static let longestPause: TimeInterval = 60

  /// - Parameters:
  ///   - key: the account's.
  ///   - account: the account's URL, where it is registered already.
  package init(directory: URL, http: HTTPClient, key: PrivateKey, account: URL?) {
    self.directoryURL = directory
    self.http = http
    self.signer = JWSSigner(key: key)
    self.account = account
  }

  func use(account: URL) { self.account = account }

  /// §7.1.1, read once.
  package func resources() async throws -> Directory {
    if let directory { return directory }
    let response = try await sendPatiently(HTTPRequest(.get, directoryURL))
    guard response.status == 200 else { throw response.problem }
    let read = try response.decode(Directory.self)
    if let date = response.headers["date"].flatMap(HTTPDate.read) { serverAhead = date.timeIntervalSinceNow }
    directory = read
    return read
  }

  /// How far the server's clock is ahead of ours, by its `Date` (RFC 9110 §6.6.1).
  package func clockDifference() async throws -> Duration {
    _ = try await resources()
    return .seconds(serverAhead)
  }

  /// A resource and when the server wants to be asked for it again.
  package struct Answer<Value: Sendable>: Sendable {
    package let value: Value
    package let retryAfter: Date?
  }

  /// What the CA's answers lead to is asked only where its directory, which a person has named, leads: a signed request anywhere else
  /// would be a stranger's to use.
  private func checkOrigin(of url: URL) async throws {
    let directory = try await resources()
    let known =
      [directoryURL, directory.newNonce, directory.newAccount, directory.newOrder]
      + [directory.revokeCert, directory.keyChange, directory.renewalInfo].compactMap(\.self)
    guard let origin = url.origin, known.contains(where: { $0.origin == origin }) else {
      throw Problem(
        type: "otherOrigin",
        detail:
          "the CA's answer leads to \(url.absoluteString), which is on none of the servers that its directory names",
        status: nil)
    }
  }

  // MARK: Requests

  /// Who signs a request.
  enum Identity {
    case account
    /// The account's key, which stands in the request: for an account that has no URL yet.
    case accountKey
    /// A certificate's own key (§7.6).
    case key(JWSSigner)
  }

  func read<Value: Decodable & Sendable>(_ url: URL) async throws -> Answer<Value> {
    let response = try await exchange(payload: nil, url: url)
    return Answer(value: try response.decode(Value.self), retryAfter: response.retryAfter)
  }

  /// For what is not protected: the directory, and renewal information (RFC 9773 §4.1).
  func get<Value: Decodable & Sendable>(_ url: URL) async throws -> Answer<Value> {
    try await checkOrigin(of: url)
    let response = try await sendPatiently(HTTPRequest(.get, url))
    guard response.status == 200 else { throw response.problem }
    return Answer(value: try response.decode(Value.self), retryAfter: response.retryAfter)
  }

  func post(
    _ payload: some Encodable, to url: URL, signedBy identity: Identity = .account
  ) async throws -> HTTPResponse {
    try await exchange(payload: try JSONEncoder().encode(payload), url: url, signedBy: identity)
  }

  /// Signs, sends, and sends again when the server refuses the nonce, asks for less, or has a passing fault.
  func exchange(
    payload: Data?, url: URL, accept: String? = nil, signedBy identity: Identity = .account
  ) async throws -> HTTPResponse {
    try await checkOrigin(of: url)
    var (badNonces, faults, slowDowns) = (0, 0, 0)
    var nonce: String?
    while true {
      try await waitUntilWelcome()
      let body = try sign(payload, url, nonce: try await takeNonce(nonce), identity)
      nonce = nil
      var headers = ["Content-Type": "application/jose+json"]
      headers["Accept"] = accept
      let response = try await http.send(HTTPRequest(.post, url, headers: headers, body: body))
      let fresh = response.headers["replay-nonce"]
      if (200..<300).contains(response.status) {
        if let fresh { nonces.append(fresh) }
        return response
      }
      let problem = response.problem
      if problem.kind == "badNonce", badNonces < Self.nonceTries {
        badNonces += 1
        // §6.5: "the client SHOULD retry the request with the new nonce".
        nonce = fresh
        continue
      }
      if let fresh { nonces.append(fresh) }
      if problem.isSlowDown, slowDowns < Self.slowDownTries, let pause = pause(for: problem, slowDowns) {
        slowDowns += 1
        resumeAt = max(resumeAt, Date(timeIntervalSinceNow: pause))
      } else if response.status >= 500, !problem.isSlowDown, faults < Self.serverErrorTries {
        try await Task.sleep(for: .milliseconds(250 << faults))
        faults += 1
      } else {
        throw problem
      }
    }
  }

  /// For requests that change nothing: sent again through passing faults of the server or of the network.
  private func sendPatiently(_ request: HTTPRequest) async throws -> HTTPResponse {
    for fault in 0..<Self.serverErrorTries {
      if let response = try? await http.send(request), response.status < 500 { return response }
      try await Task.sleep(for: .milliseconds(250 << fault))
    }
    return try await http.send(request)
  }

  /// `nil` for a pause that is too long to wait for.
  private func pause(for problem: Problem, _ earlier: Int) -> TimeInterval? {
    guard let wanted = problem.retryAfter?.timeIntervalSinceNow else { return Double(1 << min(earlier, 4)) }
    return wanted <= Self.longestPause ? max(wanted, 0.1) : nil
  }

  private func waitUntilWelcome() async throws {
    while case let pause = resumeAt.timeIntervalSinceNow, pause > 0 {
      // Not all at the same moment again.
      try await Task.sleep(for: .seconds(pause + .random(in: 0...0.2)))
    }
  }

  private func sign(_ payload: Data?, _ url: URL, nonce: String, _ identity: Identity) throws -> Data {
    switch identity {
    case .accountKey: return try signer.sign(payload: payload, url: url, nonce: nonce, as: .key)
    case .key(let other): return try other.sign(payload: payload, url: url, nonce: nonce, as: .key)
    case .account:
      guard let account else {
        throw Problem(type: "accountDoesNotExist", detail: "no account is registered yet", status: nil)
      }
      return try signer.sign(payload: payload, url: url, nonce: nonce, as: .account(account))
    }
  }

  private func takeNonce(_ given: String?) async throws -> String {
    if let nonce = given ?? nonces.popLast() { return nonce }
    let response = try await sendPatiently(HTTPRequest(.head, try await resources().newNonce))
    guard let nonce = response.headers["replay-nonce"] else {
      throw Problem(type: "noNonce", detail: "the server gave no nonce", status: response.status)
    }
    return nonce
  }
}

extension URL {
  /// RFC 6454 §4: scheme, host and port.
  fileprivate var origin: String? {
    guard let scheme = scheme?.lowercased(), let host = host(percentEncoded: false)?.lowercased() else {
      return nil
    }
    return "\(scheme)://\(host):\(port ?? (scheme == "https" ? 443 : 80))"
  }
}
