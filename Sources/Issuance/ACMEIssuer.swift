public import ACME
public import Fleet
import Foundation
public import PKI

/// Issues one lineage's next certificate from an ACME server.
public struct ACMEIssuer: Sendable {
  private let client: ACMEClient
  private let solver: any Solver
  private let keeper: any OrderKeeper

  /// How long a CA may take to validate, and again to issue; the order is kept for the next run after that.
  private static let patience = Duration.seconds(180)

  public init(client: ACMEClient, solver: any Solver, keeper: any OrderKeeper) {
    self.client = client
    self.solver = solver
    self.keeper = keeper
  }

  /// A chain that passed every check, with its key.
  public struct Issued: Sendable {
    public let chain: CertificateChain
    public let key: PrivateKey
  }

  /// Resumes the lineage's open order where there is one, else makes a new one, and brings it to a certificate.
  ///
  /// The caller stores the result and only then has the keeper forget the order: a crash in between downloads
  /// the same certificate again.
  public func issue(_ lineage: Lineage) async throws -> Issued {
    let kept = try await resumable(lineage)
    let open = if let kept { kept } else { try await newOrder(lineage) }
    do {
      try await authorize(open)
      let certificate = try await finalize(open)
      let chain = try CertificateChain(pem: try await client.certificate(at: certificate))
      try chain.check(key: open.key, names: open.names, at: Date())
      return Issued(chain: chain, key: open.key)
    } catch let refused as CertificateChain.Refused {
      // The same order would give the same chain again.
      try await keeper.keep(nil)
      throw IssuanceFailure("the CA's certificate is refused: \(refused)", endsOrder: true)
    } catch let failure as IssuanceFailure {
      if failure.endsOrder { try await keeper.keep(nil) }
      throw failure
    }
  }

  /// The kept order, if it is for the same names and the server still knows it as one that can go on.
  private func resumable(_ lineage: Lineage) async throws -> OpenOrder? {
    guard let open = try await keeper.openOrder() else { return nil }
    if Set(open.names) == Set(lineage.domains) {
      do {
        if try await client.order(at: open.url).value.status != .invalid { return open }
      } catch let problem as Problem where (400..<500).contains(problem.status ?? 0) {
        // The server has forgotten it: RFC 8555 lets an order expire.
      }
    }
    try await keeper.keep(nil)
    return nil
  }

  private func newOrder(_ lineage: Lineage) async throws -> OpenOrder {
    let key = try PrivateKey.generate(lineage.key)
    let made = try await client.newOrder(names: lineage.domains)
    let open = OpenOrder(url: made.url, names: lineage.domains, key: key)
    try await keeper.keep(open)
    return open
  }

  private func authorize(_ open: OpenOrder) async throws {
    let order = try await client.order(at: open.url).value
    guard order.status == .pending else { return }
    for url in order.authorizations {
      let authorization = try await client.authorization(at: url).value
      if authorization.status == .pending { try await prove(authorization, at: url) }
    }
  }

  private func prove(_ authorization: Authorization, at url: URL) async throws {
    let domain = authorization.identifier.value
    let type = type(of: solver).type
    guard let challenge = authorization.challenges.first(where: { $0.type == type && $0.token != nil }),
      let token = challenge.token
    else {
      let offered = authorization.challenges.map(\.type).joined(separator: ", ")
      throw IssuanceFailure("\(domain): the CA offers \(offered), not \(type)", endsOrder: true)
    }
    let proof = Proof(
      domain: domain, token: token, keyAuthorization: try client.keyAuthorization(for: token))
    try await solver.present(proof)
    do {
      try await client.answer(challenge)
      let ended = try await poll("the validation of \(domain)") { () -> (Authorization?, Date?) in
        let answer = try await client.authorization(at: url)
        return (answer.value.status == .pending ? nil : answer.value, answer.retryAfter)
      }
      await solver.cleanUp(proof)
      guard ended.status == .valid else {
        let why = ended.challenges.compactMap(\.error).first.map(String.init(describing:))
        throw IssuanceFailure(
          "\(domain): \(type) failed: \(why ?? "authorization \(ended.status.rawValue)")", endsOrder: true)
      }
    } catch {
      await solver.cleanUp(proof)
      throw error
    }
  }

  /// - Returns: the certificate's URL.
  private func finalize(_ open: OpenOrder) async throws -> URL {
    let ready = try await settled(open, until: { $0 != .pending })
    if ready.status == .ready {
      try await client.finalize(
        ready, request: try CertificateRequest.der(names: open.names, key: open.key))
    }
    let done = try await settled(open, until: { $0 == .valid || $0 == .invalid })
    guard let certificate = done.certificate else {
      throw IssuanceFailure("the order is valid but names no certificate", endsOrder: false)
    }
    return certificate
  }

  private func settled(
    _ open: OpenOrder, until reached: @Sendable @escaping (Order.Status) -> Bool
  ) async throws -> Order {
    let order = try await poll("the order") { () -> (Order?, Date?) in
      let answer = try await client.order(at: open.url)
      return (reached(answer.value.status) ? answer.value : nil, answer.retryAfter)
    }
    guard order.status != .invalid else {
      throw IssuanceFailure(
        order.error.map(String.init(describing:)) ?? "the CA declared the order invalid", endsOrder: true)
    }
    return order
  }

  /// Asks until there is a value: as the server's Retry-After says, else from 100 ms, doubling to 5 s.
  private func poll<Value>(
    _ what: String, _ ask: () async throws -> (value: Value?, retryAfter: Date?)
  ) async throws -> Value {
    let start = ContinuousClock.now
    var pause = Duration.milliseconds(100)
    while true {
      let (value, retryAfter) = try await ask()
      if let value { return value }
      if let wanted = retryAfter.map({ Duration.seconds($0.timeIntervalSinceNow) }) {
        pause = max(wanted, .milliseconds(100))
      }
      guard ContinuousClock.now + pause < start + Self.patience else {
        throw IssuanceFailure(
          "\(what) is not finished after \(Self.patience.short); the next run goes on with it",
          endsOrder: false)
      }
      try await Task.sleep(for: pause)
      if retryAfter == nil { pause = min(pause * 2, .seconds(5)) }
    }
  }
}

/// Why a certificate was not issued.
public struct IssuanceFailure: Error, Hashable, CustomStringConvertible {
  public let reason: String
  /// Whether the order cannot go on, so that the next try makes a new one.
  public let endsOrder: Bool

  init(_ reason: String, endsOrder: Bool) {
    self.reason = reason
    self.endsOrder = endsOrder
  }

  public var description: String { reason }
}
