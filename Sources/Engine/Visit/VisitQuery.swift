import Agents
import Fleet

/// Asks a host how a visit ended that the controller lost sight of. Asking also makes the host finish or undo
/// what was cut off there; what it does for that is recorded as the visit's steps.
struct VisitQuery: Sendable {
  let visit: Visit
  let token: VisitToken
  /// What was served before anything changed, where there was nothing of ours; `nil` after a crash, when nobody knows it any more.
  var before: [TLSQuestion: ServedLeaf]?

  /// What the host answered.
  enum Answer: Sendable {
    case ended(Visit.Ending)
    /// The visit never began there.
    case neverBegan
    case noAnswer(String)

    /// The visit's end, when its connection was lost for `reason`.
    func ending(afterLosing reason: String) -> Visit.Ending {
      switch self {
      case .ended(let ending):
        ending.end == .ok ? ending : Visit.Ending(end: ending.end, reason: "\(ending.reason) (\(reason))")
      case .neverBegan: Visit.Ending(end: .unreachable, reason: "\(reason); nothing ran on the host")
      case .noAnswer(let why):
        Visit.Ending(end: .unknown, reason: "\(reason); asked again: \(why); the next run asks once more")
      }
    }
  }

  /// - Throws: when the recorder cannot keep what happened.
  func ask() async throws -> Answer {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(
        to: visit.host, over: visit.ports.connector, time: visit.ports.time, stop: visit.ports.stop)
    } catch { return .noAnswer(error.reason) }
    let nonce = Nonce.make()
    // The visit may still be under way there, and its own deadlines end it.
    let query = AgentRequest.query(
      token, nonce: nonce, host: visit.host, patience: AgentReplyStream.longest(visit.planned))
    let result: AgentConnection.Result<Answer> = try await connection.ask(
      [query], .query(visit.planned, nonce: nonce)
    ) { reply, replies in
      switch reply {
      case .step(let step, let lineage, _, let outcome, let text):
        let result = replies.result(step, lineage, outcome, detail: text)
        try await visit.record(.step(result), lineage: result.lineage)
        return .goOn
      case .end(.unknownToken, _): return .answer(.neverBegan)
      case .end(.deferred, let text): return .answer(.noAnswer(text))
      case .end(let end, let text): return .answer(.ended(Visit.Ending(end, text)))
      case .hello, .more, .begin, .found, .output, .await: return .goOn
      }
    }
    switch result {
    case .answered(.ended(let ending)): return .ended(try await believed(ending))
    case .answered(let answer): return answer
    case .notStarted(let reason), .lost(let reason): return .noAnswer(reason)
    }
  }

  /// Whether a visit went well is seen and not believed: what it is to serve is looked at once more.
  private func believed(_ ending: Visit.Ending) async throws -> Visit.Ending {
    // Where it is not known what was served before, a first visit that ends so was told to by who knew it.
    guard ending.end == .ok || ending.end == .degraded,
      let failure = try await visit.look(
        as: .verify, isStillBefore: { before == nil || before?[$0]?.fingerprint == $1.fingerprint })
    else { return ending }
    if failure.isPlaced { return Visit.Ending(end: .placed, reason: failure.words) }
    return Visit.Ending(
      end: .failedDirty, reason: "the host claims \(ending.end.words), but \(failure.words)")
  }
}
