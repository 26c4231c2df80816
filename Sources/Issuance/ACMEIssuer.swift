package import ACME
package import Fleet
import FoundationEssentials
package import PKI
package import System

/// Issues one lineage's next certificate from an ACME server.
package struct ACMEIssuer: Sendable {
  let client: ACMEClient
  let solver: any Solver
  let keeper: any OrderKeeper
  /// Ends waiting for the CA; the order is kept.
  let stop: StopSignal
  /// Makes the key for a new order, or takes one that is to be kept.
  private let makeKey: @Sendable () async throws -> CertificateKey
  /// Told what went wrong beside the order itself.
  let warn: @Sendable (String) -> Void
  /// Told what the CA is waited for, and how long at most.
  let waits: @Sendable (String, Duration) -> Void

  /// A CA offers a handful; more are not looked at.
  private static let mostAlternates = 10

  package init(
    client: ACMEClient, solver: any Solver, keeper: any OrderKeeper, stop: StopSignal = StopSignal(),
    makeKey: @escaping @Sendable () async throws -> CertificateKey,
    warn: @escaping @Sendable (String) -> Void = { _ in },
    waits: @escaping @Sendable (String, Duration) -> Void = { _, _ in }
  ) {
    self.client = client
    self.solver = solver
    self.keeper = keeper
    self.stop = stop
    self.makeKey = makeKey
    self.warn = warn
    self.waits = waits
  }

  /// A chain that passed every check, with its key.
  package struct Issued: Sendable {
    package let chain: CertificateChain
    package let key: CertificateKey
    /// Those that were ordered.
    package let names: [String]
  }

  /// Resumes the lineage's open order where there is one, else makes a new one, and brings it to a certificate.
  ///
  /// The caller stores the result and only then has the keeper forget the order: a crash in between downloads
  /// the same certificate again.
  ///
  /// - Parameter replaced: the certificate that this one takes the place of, from the same CA and account.
  package func issue(_ lineage: Lineage, replacing replaced: X509Certificate? = nil) async throws -> Issued {
    do {
      let open =
        if let kept = try await resumable(lineage) { kept } else { try await order(lineage, replaced) }
      try await authorize(open)
      let chain = try await chain(at: try await finalize(open), preferring: lineage.preferredChain)
      try chain.check(key: open.key, names: open.names, exactly: true, at: Date())
      return Issued(chain: chain, key: open.key, names: open.names)
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
  private func resumable(_ lineage: Lineage) async throws -> PendingCertificate? {
    guard let open = try await keeper.pending() else { return nil }
    if Set(open.names) == Set(lineage.domains), open.key.fits(lineage.key) {
      do {
        if try await client.order(at: open.url).value.status != .invalid { return open }
      } catch let problem as Problem where [401, 403, 404, 410].contains(problem.status ?? 0) {
        // The server has forgotten it: RFC 8555 lets an order expire.
      } catch let problem as Problem where problem.kind == "otherOrigin" {
        // It was made when the directory named another server.
      }
    }
    try await keeper.keep(nil)
    return nil
  }

  private func order(_ lineage: Lineage, _ replaced: X509Certificate?) async throws -> PendingCertificate {
    let resources = try await client.resources()
    let profiles = resources.meta?.profiles ?? [:]
    if let profile = lineage.profile, profiles[profile] == nil {
      let names = profiles.keys.sorted().joined(separator: ", ")
      throw IssuanceFailure(
        "the CA has no profile '\(profile)'\(names.isEmpty ? "; it has none" : "; it has \(names)")",
        endsOrder: true)
    }
    let key = try await makeKey()
    try await keeper.willOrder(lineage.domains, with: key)
    Failpoint.pass("order.before")
    let made = try await newOrder(
      lineage, replaces: resources.renewalInfo == nil ? nil : replaced?.renewalID)
    Failpoint.pass("order.made")
    let open = PendingCertificate(url: made, names: lineage.domains, key: key)
    try await keeper.keep(open)
    Failpoint.pass("order.kept")
    return open
  }

  /// RFC 9773 §5: a server may refuse `replaces` ("If the server does not accept …"); the certificate is wanted all
  /// the same, so it is asked for once more without it.
  private func newOrder(_ lineage: Lineage, replaces: String?) async throws -> URL {
    do {
      return try await client.newOrder(
        names: lineage.domains, profile: lineage.profile, replaces: replaces
      ).url
    } catch let problem as Problem where replaces != nil && problem.mayConcernReplaces {
      return try await client.newOrder(names: lineage.domains, profile: lineage.profile).url
    }
  }

  /// - Returns: the certificate's URL.
  private func finalize(_ open: PendingCertificate) async throws -> URL {
    var order = try await settled(open, until: { $0 != .pending })
    if order.status == .ready {
      Failpoint.pass("finalize.before")
      order = try await client.finalize(order, request: try open.key.request(for: open.names)).value
      Failpoint.pass("finalize.sent")
    }
    if order.status != .valid { order = try await settled(open, until: { $0 == .valid || $0 == .invalid }) }
    guard let certificate = order.certificate else {
      throw IssuanceFailure("the order is valid but names no certificate", endsOrder: false)
    }
    return certificate
  }

  private func settled(
    _ open: PendingCertificate, until reached: @Sendable @escaping (Order.Status) -> Bool
  ) async throws -> Order {
    let order = try await Polling.until("the order", stop, telling: waits) { () -> (Order?, Date?) in
      let answer = try await client.order(at: open.url)
      return (reached(answer.value.status) ? answer.value : nil, answer.retryAfter)
    }
    guard order.status != .invalid else {
      throw IssuanceFailure(
        order.error.map(String.init(describing:)) ?? "the CA declared the order invalid", endsOrder: true)
    }
    return order
  }

  /// The chain that is preferred where the CA has it, else the one that the CA gives by itself, as certbot does.
  private func chain(at url: URL, preferring name: String?) async throws -> CertificateChain {
    let (pem, alternates) = try await client.certificate(at: url)
    Failpoint.pass("certificate.downloaded")
    let standard = try CertificateChain(pem: pem)
    guard let name, !standard.isIssued(under: name) else { return standard }
    for alternate in alternates.prefix(Self.mostAlternates) {
      let chain = try CertificateChain(pem: try await client.certificate(at: alternate).pem)
      if chain.isIssued(under: name) { return chain }
    }
    warn("the CA offers no chain under '\(name)'; its own, under '\(standard.rootName)', is taken")
    return standard
  }
}

extension Problem {
  fileprivate var mayConcernReplaces: Bool {
    (400..<500).contains(status ?? 0) && !concernsAccount
      && !["rateLimited", "badNonce", "rejectedIdentifier"].contains(kind)
  }
}
