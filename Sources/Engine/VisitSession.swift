import Agents
import Fleet
import Foundation
import struct Fleet.Host

/// The channel with the agent in one visit: the request goes out, frames come in, each step is recorded
/// before the next is awaited, and the controller's word goes out when the agent asks for it.
struct VisitSession: Sendable {
  let visit: Visit
  let request: AgentRequest
  let channel: any CommandChannel

  enum Result: Sendable {
    case ended(Visit.Ending)
    /// The host's state is not known.
    case lost(String)
  }

  func run() async throws -> Result {
    do {
      for part in request.parts(now: Date()) { try await channel.send(part) }
    } catch { return .lost(error.reason) }
    var replies = AgentReplyStream.visit(visit.planned, nonce: request.nonce)
    var claim = VisitClaim(visit.planned)
    while true {
      switch await replies.next(from: channel) {
      case .lost(let reason): return .lost(reason)
      case .ended(let status):
        return replies.hasStarted
          ? .lost("the agent ended without saying how")
          : .ended(
            Visit.Ending(
              end: .failedClean, reason: Self.notStarted(on: visit.host, status, replies.complaint)))
      case .reply(let reply):
        if let result = try await handle(reply, &replies, &claim) { return result }
      }
    }
  }

  private func handle(
    _ reply: AgentReply, _ replies: inout AgentReplyStream, _ claim: inout VisitClaim
  ) async throws -> Result? {
    switch reply {
    case .hello, .begin, .output: break
    case .step(let step, let lineage, let hook, let outcome, let text):
      // In a recovery the index is that of an earlier request.
      let words = step == .recover ? nil : hook.flatMap { request.hooks[$0]?.words }
      let result = replies.result(
        step, lineage, outcome, detail: words?.visible.shortened(to: 400) ?? text)
      try await visit.record(.step(result), lineage: result.lineage)
      claim.take(result, hook: hook)
    case .await:
      let word = try await verify(&claim)
      claim.word = word
      do {
        try await channel.send(word.bytes(nonce: request.nonce))
      } catch { return .lost(error.reason) }
      replies.gaveWord()
    case .end(let end, let text):
      return .ended(ending(end, text, claim))
    }
    return nil
  }

  private func ending(_ end: AgentReply.End, _ text: String, _ claim: VisitClaim) -> Visit.Ending {
    if end == .ok || end == .degraded, let why = claim.contradiction(isDegraded: end == .degraded) {
      return Visit.Ending(end: .failedDirty, reason: "the host claims \(end.rawValue), but \(why)")
    }
    let cause = claim.firstFailure.flatMap { text.hasSuffix($0) || text.isEmpty ? nil : ": \($0)" } ?? ""
    let ending = Self.ending(end, text + cause)
    guard let doubt = claim.doubt, ending.end == .rolledBack || ending.end == .failedClean else {
      return ending
    }
    return Visit.Ending(end: .inconclusive, reason: doubt)
  }

  /// Looks at everything that the host should serve now; the verdicts are recorded before the word is given.
  private func verify(_ claim: inout VisitClaim) async throws -> AgentRequest.Word {
    guard let failure = try await visit.look(as: .verify) else { return .commit }
    if failure.verdict.isInconclusive { claim.doubt = failure.words }
    return .revert(because: failure.words)
  }

  static func ending(_ end: AgentReply.End, _ text: String) -> Visit.Ending {
    let known: VisitEnd =
      switch end {
      case .ok: .ok
      case .degraded: .degraded
      case .deferred: .deferred
      case .failedClean: .failedClean
      case .rolledBack: .rolledBack
      case .failedDirty: .failedDirty
      case .unknownToken: .unknown
      }
    return Visit.Ending(end: known, reason: text)
  }

  /// The channel ended before the agent's first frame: it was the login shell, sudo or sh that said no.
  static func notStarted(on host: Host, _ status: Int, _ complaint: String) -> String {
    let last =
      complaint.split(whereSeparator: \.isNewline).last.map { String($0).visible } ?? "it said nothing"
    let advice =
      host.hasAgent
      ? "install it, or mend what keeps it: certfleet agent install \(host.name)"
      : "check that `\(AgentScript.command(for: host))` works on the host for the login user"
    return "the agent did not start (exit status \(status): \(last.shortened(to: 300))); \(advice)"
  }
}
