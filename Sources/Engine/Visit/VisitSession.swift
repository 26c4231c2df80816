import Agents
import Fleet
import FoundationEssentials

/// What the controller makes of the agent's replies in one visit: each step is recorded before the next is awaited, and the
/// controller's word is given when the agent asks for it.
struct VisitSession: Sendable {
  let visit: Visit
  let request: AgentRequest
  /// What was served before anything changed, where there was nothing of ours.
  let before: [TLSQuestion: ServedLeaf]

  enum Result: Sendable {
    case ended(Visit.Ending)
    /// The host's state is not known.
    case lost(String)
  }

  func run(over connection: AgentConnection) async throws -> Result {
    var claim = VisitClaim(visit.planned)
    let result: AgentConnection.Result<Visit.Ending> = try await connection.ask(
      request.parts(now: Date()), .visit(visit.planned, nonce: request.nonce)
    ) { reply, replies in try await react(to: reply, &replies, &claim) }
    return switch result {
    case .answered(let ending): .ended(ending)
    case .notStarted(let reason): .ended(Visit.Ending(end: .refused, reason: reason))
    case .lost(let reason): .lost(reason)
    }
  }

  private func react(
    to reply: AgentReply, _ replies: inout AgentReplyStream, _ claim: inout VisitClaim
  ) async throws -> AgentConnection.Reaction<Visit.Ending> {
    switch reply {
    case .hello, .more, .begin, .found, .output: return .goOn
    case .step(let step, let lineage, let hook, let outcome, let text):
      // In a recovery the index is that of an earlier request.
      let words = step == .recover ? nil : hook.flatMap { request.hooks[$0]?.words }
      let result = replies.result(
        step, lineage, outcome, detail: words?.visible.shortened(to: 400) ?? text)
      try await visit.record(.step(result), lineage: result.lineage)
      claim.take(result, hook: hook)
      return .goOn
    case .await:
      let word = try await verify(&claim)
      claim.word = word
      return .give(word)
    case .end(let end, let text): return .answer(ending(end, text, claim))
    }
  }

  private func ending(_ end: AgentReply.End, _ text: String, _ claim: VisitClaim) -> Visit.Ending {
    if end == .ok || end == .degraded, let why = claim.contradiction(isDegraded: end == .degraded) {
      return Visit.Ending(end: .failedDirty, reason: "the host claims \(end.rawValue), but \(why)")
    }
    let cause = claim.firstFailure.flatMap { text.hasSuffix($0) || text.isEmpty ? nil : ": \($0)" } ?? ""
    if let placed = claim.placed, end == .ok || end == .degraded {
      return Visit.Ending(end: .placed, reason: placed)
    }
    let ending = Visit.Ending(end, text + cause)
    guard let doubt = claim.doubt, ending.end == .rolledBack || ending.end == .failedClean else {
      return ending
    }
    return Visit.Ending(end: .inconclusive, reason: doubt)
  }

  /// Looks at everything that the host should serve now; the verdicts are recorded before the word is given.
  private func verify(_ claim: inout VisitClaim) async throws -> AgentRequest.Word {
    let found = try await visit.look(as: .verify) { before[$0]?.fingerprint == $1.fingerprint }
    guard let failure = found else { return .commit }
    if failure.isPlaced {
      claim.placed = failure.words
      return .commit
    }
    if failure.verdict.isInconclusive { claim.doubt = failure.words }
    return .revert(because: failure.words)
  }
}

extension Visit.Ending {
  /// What the agent has said of the end.
  init(_ end: AgentReply.End, _ text: String) {
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
    self.init(end: known, reason: text)
  }
}
