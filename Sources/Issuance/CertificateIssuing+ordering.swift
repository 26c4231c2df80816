import ACME
package import Fleet
import FoundationEssentials
import PKI
import System

/// One order, from its key to the stored certificate or the reason why there is none.
extension CertificateIssuing {
  /// - Returns: whether it was issued.
  func issue(_ order: DueCertificates.Order) async throws -> Bool {
    let (name, authority, directory) = (order.lineage.name, order.authority, directory(of: order))
    tell(.ordering(order, isRehearsal: isRehearsal))
    let started = ContinuousClock.now
    do {
      let client = try await accounts.client(of: order.issuer, authority, at: directory)
      let challenge = order.lineage.challenge ?? .standard
      let issuer = ACMEIssuer(
        client: client, solver: await solvers.solver(for: challenge, of: order.lineage),
        keeper: StoredIssuance(store: store, lineage: name, directory: directory, challenge: challenge),
        stop: stop, makeKey: { try await makeKey(for: order.lineage) },
        warn: { [tell] in tell(.warning(name, $0)) },
        waits: { [tell] in tell(.waiting(name, for: $0, upTo: $1)) })
      let issued = try await issuer.issue(
        order.lineage, replacing: try await replaced(by: order, client, directory))
      Failpoint.pass("certificate.issued")
      try await keep(issued, of: order, directory, client, took: ContinuousClock.now - started)
      return true
    } catch {
      try await fail(order, error)
      return false
    }
  }

  private func keep(
    _ issued: ACMEIssuer.Issued, of order: DueCertificates.Order, _ directory: String, _ client: ACMEClient,
    took: Duration
  ) async throws {
    let name = order.lineage.name
    guard !isRehearsal else {
      try await store.keep(nil, of: name, at: directory, now: Date())
      try await store.record(
        Event(at: Date(), subject: .init(lineage: name), kind: .note(.rehearsed, text: directory)))
      return tell(.rehearsed(name, took: took))
    }
    let origin = await client.account.map {
      Certificate.Origin(directory: directory, account: $0.absoluteString)
    }
    let certificate = try await store.add(
      issued.chain, key: issued.key, to: name, origin: origin, ordered: issued.names,
      how: .issued, now: Date())
    Failpoint.pass("certificate.kept")
    tell(.issued(certificate, took: took))
  }

  /// RFC 9773 §5: "replaces" names a certificate of the same account with the same CA.
  private func replaced(
    by order: DueCertificates.Order, _ client: ACMEClient, _ directory: String
  ) async throws -> X509Certificate? {
    guard let newest = try await store.certificates(of: order.lineage.name).last, newest.revokedAt == nil,
      newest.origin?.directory == directory, newest.origin?.account == (await client.account?.absoluteString)
    else { return nil }
    return try await store.material(of: newest.lineage, newest.generation).chain.leaf
  }

  private func makeKey(for lineage: Lineage) async throws -> CertificateKey {
    let newest = try await store.certificates(of: lineage.name).last
    // A key whose certificate was revoked may be known to others.
    let isReused =
      lineage.key.isReused && newest?.keyType == lineage.key.type && newest?.revokedAt == nil && !isRehearsal
    if lineage.key.place == .host { return try await hosts.makeKey(for: lineage, isReused: isReused) }
    if isReused, let newest,
      case .held(let key) = try await store.material(of: lineage.name, newest.generation).key
    {
      return .held(key)
    }
    return .held(try await BlockingCall.run { try PrivateKey.generate(lineage.key.type) })
  }

  private func fail(_ order: DueCertificates.Order, _ error: any Error) async throws {
    let account = accountAtFault(in: error, of: order.issuer)
    if account != nil { await accounts.stop(order.issuer, at: directory(of: order), because: error) }
    let retryAt = try await keepFailure(of: order, error)
    tell(.notIssued(order.lineage.name, because: error, account: account, retryAt: retryAt))
  }

  /// Records why there is no certificate.
  ///
  /// - Returns: not to be tried again before; `nil` where the CA was asked nothing that it would mind.
  func keepFailure(of order: DueCertificates.Order, _ error: any Error) async throws -> Date? {
    let (name, directory, now) = (order.lineage.name, directory(of: order), Date())
    let reason = Self.reason(for: error, account: accountAtFault(in: error, of: order.issuer))
    let (problem, failure) = (error as? Problem, error as? IssuanceFailure)
    let retryAfter = problem?.isSlowDown == true ? problem?.retryAfter : failure?.retryAfter
    guard problem != nil || error is HTTPFailure || failure?.endsOrder == true || retryAfter != nil else {
      try await store.record(
        Event(at: now, subject: .init(lineage: name), kind: .note(.issueFailed, text: reason)))
      return nil
    }
    let backoff = OrderBackoff.after(
      try await store.backoff(of: name, at: directory), reason: reason, caSays: retryAfter, now: now,
      longest: try await longestPause(for: name, after: error, asked: retryAfter != nil, now),
      isCAsFault: error is HTTPFailure || retryAfter != nil || problem.map(\.isCAsFault) ?? false)
    try await store.keep(backoff, of: name, at: directory, now: now)
    return backoff.retryAt
  }

  /// An hour where the CA only could not be reached; a day where it refused, or asked for a pause; and never more than a quarter of what
  /// the certificate has left, which for one of six days is soon little.
  private func longestPause(for name: Lineage.Name, after error: any Error, asked: Bool, _ now: Date)
    async throws
    -> Duration
  {
    let isPassing = !asked && (error is HTTPFailure || ((error as? Problem)?.status ?? 0) >= 500)
    let longest = Duration.seconds(isPassing ? 3600 : 86400)
    guard let newest = try await store.certificates(of: name).last, newest.isValid(at: now) else {
      return longest
    }
    return min(longest, .seconds(newest.notAfter.timeIntervalSince(now) / 4))
  }

  /// The issuer whose account the CA does not serve any more, where that is why.
  func accountAtFault(in error: any Error, of issuer: Issuer.Name) -> Issuer.Name? {
    (error as? Problem)?.concernsAccount == true ? issuer : nil
  }

  /// An error as it is recorded, with what to do about it.
  package static func reason(for error: any Error, account: Issuer.Name?) -> String {
    guard let account else { return "\(error)" }
    return
      "\(error); see: \(Remedy.list(.accounts)), and for a new one: \(Remedy.registerAccount(account))"
  }
}
