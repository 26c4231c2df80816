package import Agents
package import Fleet

/// Asks a host what is there beside certfleet's own.
package struct HostDiscovery: Sendable {
  private let host: Host
  private let connector: any Connector

  package init(of host: Host, connector: any Connector) { (self.host, self.connector) = (host, connector) }

  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  private static let patience = Duration.seconds(60)
  private static let mostFrames = 5000
  /// Of all that a host tells.
  private static let mostBytes = 8 << 20

  package func ask(_ discovery: AgentDiscovery) async throws(Failure) -> [ToldByHost] {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: host, over: connector)
    } catch { throw Failure(description: error.reason) }
    let nonce = Nonce.make()
    let replies = AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.discover),
      limits: .init(time: Self.patience * 2, silence: Self.patience, frames: Self.mostFrames))
    var (told, bytes): ([ToldByHost], Int) = ([], 0)
    let result = try await connection.ask(
      [discovery.bytes(nonce: nonce, host: host)], replies
    ) { reply, _ throws(Failure) -> AgentConnection.Reaction<Bool> in
      switch reply {
      case .found(.told(let file)):
        bytes += file.path.utf8.count + file.text.utf8.count
        guard bytes <= Self.mostBytes else {
          throw Failure(description: "tells more than \(Self.mostBytes >> 20) MB of what is there")
        }
        told.append(file)
      case .end(.ok, _): return .answer(true)
      case .end(_, let text): throw Failure(description: text)
      case .hello, .more, .begin, .output, .step, .await, .found: break
      }
      return .goOn
    }
    switch result {
    case .answered: return told
    case .notStarted(let reason), .lost(let reason): throw Failure(description: reason)
    }
  }
}
