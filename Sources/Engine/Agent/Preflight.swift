package import Agents
package import Fleet
import FoundationEssentials

/// The preflight alone: whether a host has what a visit would need.
package struct Preflight: Sendable {
  private let visit: PlannedVisit
  private let destinations: [AgentRequest.Destination]
  private let connector: any Connector
  private let controller: ControllerIdentity?

  package init(
    _ visit: PlannedVisit, destinations: [AgentRequest.Destination], connector: any Connector,
    as controller: ControllerIdentity? = nil
  ) {
    self.controller = controller
    self.visit = visit
    self.destinations = destinations
    self.connector = connector
  }

  package enum Finding: Hashable, Sendable {
    case ready
    /// Everything that is missing.
    case lacks([String])
    /// No agent answers, and will not by itself: the login is refused, or what it starts is no agent.
    case silent(String)
    case unreachable(String)
  }

  package func run() async -> Finding {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: visit.host, over: connector)
    } catch { return error.isPassing ? .unreachable(error.reason) : .silent(error.reason) }
    let nonce = Nonce.make()
    let request = AgentRequest(
      nonce: nonce, token: "check", epoch: 0, rollout: Rollout.ID(0), wave: 0, visit: visit,
      materials: .init(destinations: destinations), confirmTimeout: .zero, controller: controller)
    var problems: [String] = []
    let result: AgentConnection.Result<Finding> = await connection.ask(
      [request.check(now: Date())], .check(visit, nonce: nonce)
    ) { reply, _ in
      switch reply {
      case .step(.preflight, _, _, .failed(let problem), _):
        problems.append(problem)
        return .goOn
      case .end(.ok, _): return .answer(problems.isEmpty ? .ready : .lacks(problems))
      case .end(_, let text): return .answer(.lacks(problems.isEmpty ? [text] : problems))
      case .hello, .more, .begin, .found, .output, .step, .await: return .goOn
      }
    }
    return switch result {
    case .answered(let finding): finding
    case .notStarted(let reason): .silent(reason)
    case .lost(let reason): .unreachable(reason)
    }
  }
}
