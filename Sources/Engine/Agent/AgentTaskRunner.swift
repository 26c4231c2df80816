package import Agents
package import Fleet

/// Runs a short task on a host beside any visit: one request, one answer.
package struct AgentTaskRunner: Sendable {
  private let host: Host
  private let connector: any Connector

  /// A key of 4096 bits takes seconds, on a small machine many.
  private static let patience = Duration.seconds(120)

  package init(on host: Host, connector: any Connector) {
    self.host = host
    self.connector = connector
  }

  /// Why it was not done.
  package struct Failure: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    package let description: String
    /// Whether the host was not reached, so that nothing was done there.
    package let isUnreachable: Bool

    package init(description: String, isUnreachable: Bool) {
      (self.description, self.isUnreachable) = (description, isUnreachable)
    }
  }

  /// - Returns: what the agent sent along.
  package func run(_ task: AgentTask) async throws(Failure) -> String {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: host, over: connector)
    } catch { throw failure(error.reason, isUnreachable: true) }
    let nonce = Nonce.make()
    var output = ""
    let result = try await connection.ask(
      [task.bytes(nonce: nonce, host: host)],
      AgentReplyStream(
        nonce: nonce, order: AgentReplyOrder(.task),
        limits: .init(time: Self.patience, silence: nil, frames: 4))
    ) { reply, _ throws(Failure) -> AgentConnection.Reaction<String> in
      switch reply {
      case .output(_, let captured):
        output += captured.text
        return .goOn
      case .end(.ok, _): return .answer(output)
      case .end(_, let text): throw failure(text)
      case .hello, .more, .begin, .found, .step, .await: return .goOn
      }
    }
    switch result {
    case .answered(let output): return output
    case .notStarted(let reason), .lost(let reason): throw failure(reason)
    }
  }

  private func failure(_ reason: String, isUnreachable: Bool = false) -> Failure {
    Failure(description: "\(host.name): \(reason)", isUnreachable: isUnreachable)
  }
}
