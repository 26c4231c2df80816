import ACME
package import Agents
package import Engine
package import Fleet
import FoundationEssentials
import System

/// Asks hosts what issuing needs of them, from wherever each is reached.
package protocol HostRequests: Sendable {
  /// - Returns: what the agent sent along.
  func run(_ task: AgentTask, on host: Host) async throws(AgentTaskRunner.Failure) -> String
  /// As the CA asks, but at the host's own address. A redirection goes where the CA will follow and we cannot judge.
  func look(for proof: Proof, on host: Host, port: UInt16) async throws(ProofFailure)
}

/// From here.
package struct DirectHostRequests: HostRequests {
  private let connector: any Connector
  private static let http = HTTPClient(isPlain: true)

  package init(over connector: any Connector) { self.connector = connector }

  package func run(_ task: AgentTask, on host: Host) async throws(AgentTaskRunner.Failure) -> String {
    try await AgentTaskRunner(on: host, connector: connector).run(task)
  }

  package func look(for proof: Proof, on host: Host, port: UInt16) async throws(ProofFailure) {
    let address = host.address.contains(":") ? "[\(host.address)]" : host.address
    let path = "/.well-known/acme-challenge/\(proof.token)"
    guard let url = URL(string: "http://\(address):\(port)\(path)") else {
      throw ProofFailure("\(host.name): \(address) is no address")
    }
    let name = proof.domain.contains(":") ? "[\(proof.domain)]" : proof.domain
    let answer: HTTPResponse
    do {
      answer = try await Self.http.send(HTTPRequest(.get, url, headers: ["Host": name]))
    } catch { throw ProofFailure("\(host.name): \(error)") }
    let body = String(decoding: answer.body, as: UTF8.self).trimmed
    guard (300..<400).contains(answer.status) || answer.status == 200 && body == proof.keyAuthorization else {
      throw ProofFailure(
        "\(host.name): \(url.absoluteString) answers \(answer.status)\(answer.status == 200 ? " with something else" : "")"
      )
    }
  }
}
