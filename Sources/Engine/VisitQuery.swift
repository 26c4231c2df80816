import Agents
import Fleet

/// Asks a host how a visit ended that the controller lost sight of. Asking also makes the host finish or undo
/// what was cut off there; what it does for that is recorded as the visit's steps.
struct VisitQuery: Sendable {
  let visit: Visit
  let token: VisitToken

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
    let channel: any CommandChannel
    do {
      channel = try await ConnectRetry(
        host: visit.host, connector: visit.ports.connector, time: visit.ports.time
      )
      .connect()
    } catch { return .noAnswer(error.reason) }
    do {
      let answer = try await converse(channel)
      await channel.close()
      return answer
    } catch {
      await channel.close()
      throw error
    }
  }

  /// Whether a visit went well is seen and not believed: what it is to serve is looked at once more.
  private func believed(_ ending: Visit.Ending) async throws -> Visit.Ending {
    guard ending.end == .ok || ending.end == .degraded, let failure = try await visit.look(as: .verify) else {
      return ending
    }
    return Visit.Ending(
      end: .failedDirty, reason: "the host claims \(ending.end.words), but \(failure.words)")
  }

  private func converse(_ channel: any CommandChannel) async throws -> Answer {
    let nonce = Nonce.make()
    // The visit may still be under way there, and its own deadlines end it.
    let query = AgentRequest.query(
      token, nonce: nonce, host: visit.host, patience: AgentReplyStream.longest(visit.planned))
    do {
      try await channel.send(query)
    } catch { return .noAnswer(error.reason) }
    var replies = AgentReplyStream.query(visit.planned, nonce: nonce)
    while true {
      switch await replies.next(from: channel) {
      case .lost(let reason): return .noAnswer(reason)
      case .ended(let status): return .noAnswer("the agent ended with status \(status) and no answer")
      case .reply(.step(let step, let lineage, _, let outcome, let text)):
        let result = replies.result(step, lineage, outcome, detail: text)
        try await visit.record(.step(result), lineage: result.lineage)
      case .reply(.end(.unknownToken, _)): return .neverBegan
      case .reply(.end(.deferred, let text)): return .noAnswer(text)
      case .reply(.end(let end, let text)): return .ended(try await believed(VisitSession.ending(end, text)))
      case .reply(.hello), .reply(.begin), .reply(.output), .reply(.await): continue
      }
    }
  }
}
