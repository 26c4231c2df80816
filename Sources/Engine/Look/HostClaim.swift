import Agents
package import Fleet
import FoundationEssentials

/// Takes a host's base over for this controller.
package struct HostClaim: Sendable {
  private let host: Host
  private let connector: any Connector

  package init(of host: Host, connector: any Connector) { (self.host, self.connector) = (host, connector) }

  package enum Result: Sendable {
    /// Whose it was, where it said so.
    case claimed(from: ControllerMark?)
    case refused(String)
  }

  /// What an earlier visit left may have to come to its end first.
  private static let patience = Duration.seconds(300)

  package func run(by controller: ControllerIdentity, epoch: Int) async -> Result {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: host, over: connector)
    } catch { return .refused(error.reason) }
    let nonce = Nonce.make()
    let claim = AgentClaim(of: host, by: controller, epoch: epoch)
    let replies = AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.claim),
      limits: .init(time: Self.patience, silence: Self.patience, frames: 100))
    var former: ControllerMark?
    let result: AgentConnection.Result<Result> = await connection.ask(
      [claim.bytes(nonce: nonce, now: Date())], replies
    ) { reply, _ in
      switch reply {
      case .found(.controller(let mark)): former = mark
      case .end(.ok, _): return .answer(.claimed(from: former))
      case .end(_, let text): return .answer(.refused(text))
      case .hello, .more, .begin, .output, .step, .await, .found: break
      }
      return .goOn
    }
    return switch result {
    case .answered(let result): result
    case .notStarted(let reason), .lost(let reason): .refused(reason)
    }
  }
}
