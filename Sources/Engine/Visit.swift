import Agents
import Fleet
import Foundation
import struct Fleet.Host

/// One host's part of a rollout, from the intent to its end. Failures on the host are data; what is thrown means
/// that the recorder could not keep what happened.
struct Visit: Sendable {
  let planned: PlannedVisit
  let rollout: Rollout.ID
  /// From 1.
  let wave: Int
  let attempt: Int
  let ports: Ports

  var host: Host { planned.host }

  /// An end and the reason for it, as a person reads it.
  struct Ending: Hashable, Sendable {
    let end: VisitEnd
    let reason: String
  }

  func carryOut() async throws -> VisitEnd {
    let token = VisitToken(Nonce.make())
    try await record(.visitStarted(token))
    let ending = try await ending(token)
    try await record(.visitEnded(ending.end, reason: ending.reason))
    return ending.end
  }

  /// Ends it before it has begun.
  func refuse(because reason: String) async throws -> VisitEnd {
    try await record(.visitStarted(VisitToken(Nonce.make())))
    try await record(.visitEnded(.failedClean, reason: reason))
    return .failedClean
  }

  private func ending(_ token: VisitToken) async throws -> Ending {
    let materials: AgentRequest.Materials
    do {
      materials = try await ports.materials.materials(for: planned)
    } catch {
      return Ending(end: .failedClean, reason: "\(error)")
    }
    let started = ContinuousClock.now
    let conversation: any Conversation
    do {
      conversation = try await Dial(host: host, connector: ports.connector).connect()
    } catch {
      try await record(step: .connect, .failed(error.reason), since: started)
      return Ending(end: error.isPassing ? .unreachable : .failedClean, reason: error.reason)
    }
    try await record(step: .connect, .succeeded, since: started)
    let request = AgentRequest(
      nonce: Nonce.make(), token: token, epoch: ports.epoch, rollout: rollout, wave: wave, visit: planned,
      materials: materials, confirmTimeout: Verifier.confirmTimeout(for: planned))
    let dialogue = Dialogue(visit: self, request: request, conversation: conversation)
    let result: Dialogue.Result
    do {
      result = try await dialogue.run()
    } catch {
      await conversation.close()
      throw error
    }
    await conversation.close()
    switch result {
    case .ended(let ending): return try await checkRevert(ending)
    case .lost(let reason):
      let known = try await Inquiry(visit: self, token: token).ask()
      return try await checkRevert(known.ending(afterLosing: reason))
    }
  }

  /// A host that went back must serve what it served before; when it does not, a person has to look. One that
  /// could not go back cleanly is looked at all the same, for that person.
  private func checkRevert(_ ending: Ending) async throws -> Ending {
    guard ending.end == .rolledBack || ending.end == .failedDirty else { return ending }
    for certificate in planned.certificates {
      guard let old = certificate.replaces else { continue }
      for verification in Verifier.checks(of: certificate) {
        let verdict = try await Verifier(visit: self).check(
          verification, of: certificate, serves: old, as: .recheck)
        guard verdict.isSuccess else {
          return Ending(
            end: .failedDirty, reason: "\(ending.reason); after the revert: \(verdict)")
        }
      }
    }
    return ending
  }

  // MARK: Recording

  func record(_ kind: Event.Kind, lineage: Lineage.Name? = nil) async throws {
    try await ports.recorder.record(
      Event(
        at: Date(),
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
