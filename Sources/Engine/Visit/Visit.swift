import Agents
import Fleet
import FoundationEssentials

/// One host's part of a rollout, from the intent to its end. Failures on the host are data; what is thrown means
/// that the recorder could not keep what happened.
struct Visit: Sendable {
  let planned: PlannedVisit
  let rollout: Rollout.ID
  /// From 1.
  let wave: Int
  let attempt: Int
  /// Whether the host is left as it is when something fails, for a person to look at.
  var staysAsItIs = false
  let ports: Ports

  var host: Host { planned.host }

  /// An end and the reason for it, as a person reads it.
  struct Ending: Hashable, Sendable {
    let end: VisitEnd
    let reason: String
  }

  func run() async throws -> VisitEnd {
    let token = VisitToken(Nonce.make())
    try await record(.visitStarted(token))
    return try await end(try await ending(token), isRevert: false)
  }

  /// Takes the host back to what it had before the rollout: `planned` is what that was.
  func takeBack() async throws -> VisitEnd {
    let token = VisitToken(Nonce.make())
    try await record(.revertStarted(token))
    return try await end(try await ending(token), isRevert: true)
  }

  @discardableResult
  func end(_ ending: Ending, isRevert: Bool) async throws -> VisitEnd {
    let end = isRevert ? ending.end.ofRevert : ending.end
    try await record(.visitEnded(end, reason: ending.reason))
    return end
  }

  /// The visit that this one would follow, to record something that belongs to it.
  var earlier: Visit {
    Visit(
      planned: planned, rollout: rollout, wave: wave, attempt: max(attempt - 1, 1), staysAsItIs: staysAsItIs,
      ports: ports)
  }

  /// Whether there is anything to look at from a controller.
  var isLookedAt: Bool { planned.certificates.contains { !Verifier.checks(of: $0).isEmpty } }

  /// Whether the host still serves what it was given, as far as that can be seen from here.
  func lookAgain() async throws -> Outcome { try await look(as: .reverify)?.verdict ?? .succeeded }

  /// What a look at what the host serves has found wrong.
  struct Finding: Sendable {
    let verdict: Outcome
    /// Where, and what.
    let words: String
    /// Whether nothing has got worse: where there was nothing of ours, the very certificate is served that was before.
    var isPlaced = false
  }

  /// Looks at everything that the host should serve now, and records it; `nil` when all of it is served.
  ///
  /// - Parameter isStillBefore: whether a certificate that an endpoint serves instead is what it served before there was anything
  ///   of ours.
  func look(
    as step: Step, isStillBefore: (TLSQuestion, ServedLeaf) -> Bool = { _, _ in false }
  ) async throws -> Finding? {
    var placed: Finding?
    for certificate in planned.certificates {
      for verification in Verifier.checks(of: certificate) {
        let seen = try await Verifier(visit: self).check(
          verification, of: certificate, serves: certificate.fingerprint, as: step)
        guard !seen.outcome.isSuccess else { continue }
        guard case .tls(let question) = verification.question, certificate.replaces == nil,
          !certificate.isRetired,
          let other = seen.other,
          isStillBefore(question, other)
        else {
          return Finding(verdict: seen.outcome, words: "\(verification.place(on: host)): \(seen.outcome)")
        }
        placed =
          placed
          ?? Finding(
            verdict: seen.outcome, words: placedWords(certificate, verification, other), isPlaced: true)
      }
    }
    return placed
  }

  private func placedWords(
    _ certificate: PlannedCertificate, _ verification: Verification, _ served: ServedLeaf
  ) -> String {
    "installed; \(verification.place(on: host)) still serves \(served.words): does its configuration name \(host.base)/live/\(certificate.lineage.declared)/?"
  }

  /// Ends it before it has begun.
  func refuse(because reason: String) async throws {
    try await record(.visitStarted(VisitToken(Nonce.make())))
    try await record(.visitEnded(.failedClean, reason: reason))
  }

  private func ending(_ token: VisitToken) async throws -> Ending {
    let materials: AgentRequest.Materials
    do {
      materials = try await ports.materials.materials(for: planned)
    } catch {
      return Ending(end: .failedClean, reason: "\(error)")
    }
    let started = ContinuousClock.now
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(
        to: host, over: ports.connector, time: ports.time, stop: ports.stop)
    } catch {
      try await record(step: .connect, .failed(error.reason), since: started)
      return Ending(end: error.isPassing ? .unreachable : .refused, reason: error.reason)
    }
    try await record(step: .connect, .succeeded, since: started)
    // Only of a host that is there: one that is not would be waited for twice.
    let before = await Verifier(visit: self).servedBefore()
    let request = AgentRequest(
      nonce: Nonce.make(), token: token, epoch: ports.epoch, rollout: rollout, wave: wave, visit: planned,
      materials: materials, confirmTimeout: Verifier.confirmTimeout(for: planned), staysAsItIs: staysAsItIs,
      controller: ports.controller)
    let result = try await VisitSession(visit: self, request: request, before: before).run(over: connection)
    switch result {
    case .ended(let ending): return try await checkRevert(ending)
    case .lost(let reason):
      let known = try await VisitQuery(visit: self, token: token, before: before).ask()
      return try await checkRevert(known.ending(afterLosing: reason))
    }
  }

  /// A host that went back must serve what it served before; when it does not, a person has to look. One that
  /// could not go back cleanly is looked at all the same, for that person.
  private func checkRevert(_ ending: Ending) async throws -> Ending {
    guard ending.end == .rolledBack || ending.end == .failedDirty && !staysAsItIs else { return ending }
    for certificate in planned.certificates {
      guard let old = certificate.replaces else { continue }
      for verification in Verifier.checks(of: certificate) {
        let seen = try await Verifier(visit: self).check(
          verification, of: certificate, serves: old.fingerprint, as: .recheck)
        guard seen.outcome.isSuccess else {
          return Ending(
            end: .failedDirty, reason: "\(ending.reason); after the revert: \(seen.outcome)")
        }
      }
    }
    return ending
  }

  // MARK: Recording

  func record(_ kind: Event.Kind, lineage: Lineage.Name? = nil) async throws {
    try await ports.recorder.record(
      Event(
        at: ports.time.now,
        subject: .init(
          rollout: rollout, wave: wave, host: host.name, attempt: attempt, lineage: lineage), kind: kind))
  }

  func record(
    step: Step, _ outcome: Outcome, lineage: Lineage.Name? = nil, detail: String = "",
    since started: ContinuousClock.Instant
  ) async throws {
    try await record(
      .step(
        StepResult(
          step: step, lineage: lineage, outcome: outcome, detail: detail,
          duration: ContinuousClock.now - started)), lineage: lineage)
  }
}

extension VisitEnd {
  /// A visit that takes a host back, by its own end.
  fileprivate var ofRevert: VisitEnd {
    switch self {
    case .ok, .unchanged, .degraded, .placed: .rolledBack
    // It could not be taken back, and has what the rollout brought.
    case .rolledBack, .inconclusive, .refused: .failedClean
    case .interrupted: .interrupted
    case .failedClean, .failedDirty, .unreachable, .deferred, .unknown, .skipped: self
    }
  }
}

/// 128 random bits from the system's generator, in hexadecimal.
enum Nonce {
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
