import ACME
import Engine
import Fleet
import Foundation
import Inventory
import Issuance
import PKI

/// Issues what is due, several orders at once with each CA, and says how each went.
struct IssuingDesk: Sendable {
  let store: Store
  let hosts: HostErrands
  /// Orders go to the staging directories, and their certificates are only looked at.
  let isRehearsal: Bool
  private let authorities: AuthorityDesk
  private let solvers: SolverShelf

  init(store: Store, hosts: HostErrands, isRehearsal: Bool = false) {
    self.store = store
    self.hosts = hosts
    self.isRehearsal = isRehearsal
    authorities = AuthorityDesk(store: store)
    solvers = SolverShelf(hosts: hosts)
  }

  /// - Returns: whether all of it was done. What failed has been said and recorded.
  func carryOut(_ due: DueList) async throws -> Bool {
    for (lineage, why) in due.heldBack { Console.standard.say("certfleet: \(lineage): \(why.visible)") }
    var isComplete = due.heldBack.isEmpty
    for job in due.imports { try await take(job) }
    let byAuthority = Dictionary(grouping: due.orders, by: \.issuer)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for (_, orders) in byAuthority {
        group.addTask { try await carryOut(orders, atOnce: orders[0].authority.parallel) }
      }
      for try await issued in group { isComplete = isComplete && issued }
    }
    await solvers.close()
    return isComplete
  }

  private func carryOut(_ orders: [DueList.Order], atOnce: Int) async throws -> Bool {
    var rest = orders[...]
    return try await withThrowingTaskGroup(of: Bool.self) { group in
      for order in rest.prefix(atOnce) { group.addTask { try await issue(order) } }
      rest = rest.dropFirst(atOnce)
      var isComplete = true
      while let issued = try await group.next() {
        isComplete = isComplete && issued
        if let next = rest.popFirst() { group.addTask { try await issue(next) } }
      }
      return isComplete
    }
  }

  private func take(_ job: DueList.Import) async throws {
    let certificate = try await store.add(
      job.material.chain, key: .held(job.material.key), to: job.lineage.name, how: .imported, now: Date())
    Console.standard.say(
      "\(job.lineage.name): generation \(certificate.generation) taken in: \(job.reason); valid until \(certificate.notAfter.ISO8601Format())"
    )
  }

  private func issue(_ order: DueList.Order) async throws -> Bool {
    let (name, authority) = (order.lineage.name, order.authority)
    let directory = isRehearsal ? authority.staging ?? authority.directory : authority.directory
    Console.standard.say(
      "\(name): ordering from \(order.issuer)\(isRehearsal ? "'s staging" : "") (\(order.reason))")
    let started = ContinuousClock.now
    do {
      let client = try await authorities.client(of: order.issuer, authority, at: directory)
      let challenge = order.lineage.challenge ?? .standard
      try await takeAwayWhatIsLeft(of: order.lineage)
      let issuer = ACMEIssuer(
        client: client, solver: await solvers.solver(for: challenge, of: order.lineage),
        keeper: StoredOrder(store: store, lineage: name, directory: directory, challenge: challenge),
        makeKey: { try await makeKey(for: order.lineage) },
        warn: { Console.standard.say("certfleet: \(name): \($0.visible)") })
      let issued = try await issuer.issue(
        order.lineage, replacing: try await replaced(by: order, client, directory))
      Failpoint.pass("certificate.issued")
      try await keep(issued, of: order, directory, client, took: ContinuousClock.now - started)
      return true
    } catch {
      try await fail(order, directory, error)
      return false
    }
  }

  private func keep(
    _ issued: ACMEIssuer.Issued, of order: DueList.Order, _ directory: String, _ client: ACMEClient,
    took: Duration
  ) async throws {
    let name = order.lineage.name
    guard !isRehearsal else {
      try await store.keep(nil, of: name, at: directory, now: Date())
      try await store.record(
        Event(at: Date(), subject: .init(lineage: name), kind: .note(.rehearsed, text: directory)))
      return Console.standard.say("\(name): the rehearsal went well; nothing of it is kept (\(took.short))")
    }
    let origin = await client.account.map {
      Certificate.Origin(directory: directory, account: $0.absoluteString)
    }
    let certificate = try await store.add(
      issued.chain, key: issued.key, to: name, origin: origin, now: Date())
    Failpoint.pass("certificate.kept")
    Console.standard.say(
      "\(name): issued generation \(certificate.generation), valid until \(certificate.notAfter.ISO8601Format()) (\(took.short))"
    )
  }

  /// RFC 9773 §5: "replaces" names a certificate of the same account with the same CA.
  private func replaced(
    by order: DueList.Order, _ client: ACMEClient, _ directory: String
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

  /// What a crash, or a host that was away, left for the CA to see.
  private func takeAwayWhatIsLeft(of lineage: Lineage) async throws {
    for (challenge, proof) in try await store.presented(of: lineage.name, as: Proof.self) {
      do {
        try await solvers.solver(for: challenge, of: lineage).cleanUp(proof)
        try await store.forgetPresented(proof, of: lineage.name)
      } catch {
        Console.standard.say("certfleet: \(lineage.name): left from an earlier order: \("\(error)".visible)")
      }
    }
  }

  private func fail(_ order: DueList.Order, _ directory: String, _ error: any Error) async throws {
    let (name, now) = (order.lineage.name, Date())
    let problem = error as? Problem
    var reason = "\(error)"
    if problem?.concernsAccount == true {
      await authorities.stop(order.issuer, at: directory, because: error)
      reason += "; see: certfleet account list, and for a new one: certfleet account register \(order.issuer)"
    }
    guard problem != nil || error is HTTPFailure || (error as? IssuanceFailure)?.endsOrder == true else {
      // Nothing that the CA would mind: it is tried again as soon as somebody wants it.
      try await store.record(
        Event(at: now, subject: .init(lineage: name), kind: .note(.issueFailed, text: "\(error)")))
      return Console.standard.say(
        "certfleet: \(name): not issued: \("\(error)".visible); the next run tries again")
    }
    let backoff = Backoff.after(
      try await store.backoff(of: name, at: directory), reason: reason,
      caSays: problem?.isSlowDown == true ? problem?.retryAfter : nil, now: now)
    try await store.keep(backoff, of: name, at: directory, now: now)
    Console.standard.say(
      "certfleet: \(name): not issued: \(reason.visible); not tried again before \(backoff.retryAt.ISO8601Format())"
    )
  }
}

/// Asking the CAs when they want their certificates renewed.
extension IssuingDesk {
  func refreshAdvice(for lineages: [Lineage], now: Date) async throws {
    let issuers = try await store.declaration().issuers
    let (newest, advice) = (try await store.newestCertificates(), try await store.renewalAdvice())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lineage in lineages {
        guard let certificate = newest[lineage.name],
          let issuer = issuers.first(where: { $0.name == lineage.issuer }), let authority = issuer.acme,
          certificate.origin?.directory == authority.directory
        else { continue }
        let known = advice[lineage.name]
        guard known?.generation != certificate.generation || known.map({ $0.askAgain <= now }) ?? true else {
          continue
        }
        group.addTask {
          // A CA that cannot be reached is met again when something is ordered, and named then.
          guard
            let client = try? await authorities.client(of: issuer.name, authority, at: authority.directory)
          else {
            return
          }
          let leaf = try await store.material(of: certificate.lineage, certificate.generation).chain.leaf
          let fresh = await Renewing.advice(
            for: certificate.generation, renewalID: leaf.renewalID, from: client, earlier: known, now: now)
          try await store.keep(fresh, of: lineage.name)
        }
      }
      try await group.waitForAll()
    }
  }
}
