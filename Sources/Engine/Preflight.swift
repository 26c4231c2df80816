package import Agents
package import Fleet
import Foundation
package import struct Fleet.Host

/// The preflight alone: whether a host has what a visit would need.
package struct Preflight: Sendable {
  private let visit: PlannedVisit
  private let destinations: [AgentRequest.Destination]
  private let connector: any Connector

  package init(_ visit: PlannedVisit, destinations: [AgentRequest.Destination], connector: any Connector) {
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

  private static let patience = Duration.seconds(60)

  package func carryOut() async -> Finding {
    let channel: any CommandChannel
    do {
      channel = try await ConnectRetry(host: visit.host, connector: connector).connect()
    } catch { return error.isPassing ? .unreachable(error.reason) : .silent(error.reason) }
    let finding = await converse(channel)
    await channel.close()
    return finding
  }

  private func converse(_ channel: any CommandChannel) async -> Finding {
    let nonce = Nonce.make()
    let request = AgentRequest(
      nonce: nonce, token: "check", epoch: 0, rollout: Rollout.ID(0), wave: 0, visit: visit,
      materials: .init(destinations: destinations), confirmTimeout: .zero)
    var replies = AgentReplyStream.check(visit, nonce: nonce)
    var problems: [String] = []
    do {
      try await channel.send(request.check(now: Date()))
    } catch { return .unreachable(error.reason) }
    while true {
      switch await replies.next(from: channel) {
      case .lost(let reason): return .unreachable(reason)
      case .ended(let status):
        return .silent(VisitSession.notStarted(on: visit.host, status, replies.complaint))
      case .reply(.step(.preflight, _, _, .failed(let problem), _)): problems.append(problem)
      case .reply(.end(.ok, _)): return problems.isEmpty ? .ready : .lacks(problems)
      case .reply(.end(_, let text)): return .lacks(problems.isEmpty ? [text] : problems)
      case .reply: continue
      }
    }
  }
}
