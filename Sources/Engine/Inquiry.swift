import Agents
import Fleet

/// Asks a host how a visit ended that the controller lost sight of. Asking also makes the host finish or undo
/// what was cut off there.
struct Inquiry: Sendable {
  let host: Host
  let token: VisitToken
  let ports: Ports

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

  private static let patience = Duration.seconds(30)

  func ask() async -> Answer {
    let conversation: any Conversation
    do {
      conversation = try await Dial(host: host, connector: ports.connector).connect()
    } catch { return .noAnswer(error.reason) }
    let answer = await converse(conversation)
    await conversation.close()
    return answer
  }

  private func converse(_ conversation: any Conversation) async -> Answer {
    let nonce = Nonce.make()
    var parser = ReplyParser(nonce: nonce)
    do {
      try await conversation.send(
        AgentRequest.query(token, nonce: nonce, host: host, patience: Self.patience))
      while true {
        // The host may have hooks to run before it can answer: its own deadlines end them.
        switch try await conversation.receive(within: .seconds(600)) {
        case .stderr: continue
        case .ended(let status): return .noAnswer("the agent ended with status \(status) and no answer")
        case .stdout(let bytes):
          for case .end(let end, let text) in try parser.consume(bytes) {
            switch end {
            case .unknownToken: return .neverBegan
            case .deferred: return .noAnswer(text)
            default: return .ended(Dialogue.ending(end, text))
            }
          }
        }
      }
    } catch let lost as ConnectionLost {
      return .noAnswer(lost.reason)
    } catch { return .noAnswer("\(error)") }
  }
}
