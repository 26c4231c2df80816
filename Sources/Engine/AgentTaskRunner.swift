package import Agents
package import Fleet
package import struct Fleet.Host

/// A short piece of work on a host beside any visit: one request, one answer.
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
  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether the host was not reached, so that nothing was done there.
    package let isUnreachable: Bool
  }

  /// - Returns: what the agent sent along.
  package func run(_ task: AgentTask) async throws(Failure) -> String {
    let channel: any CommandChannel
    do {
      channel = try await ConnectRetry(host: host, connector: connector).connect()
    } catch {
      throw Failure(description: "\(host.name): \(error.reason)", isUnreachable: true)
    }
    let result = await converse(task, channel)
    await channel.close()
    return try result.get()
  }

  private func converse(_ task: AgentTask, _ channel: any CommandChannel) async -> Result<
    String, Failure
  > {
    let nonce = Nonce.make()
    var replies = AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.task), limits: .init(time: Self.patience, silence: nil, frames: 4)
    )
    var output = ""
    do {
      try await channel.send(task.bytes(nonce: nonce, host: host))
    } catch { return failed(error.reason) }
    while true {
      switch await replies.next(from: channel) {
      case .lost(let reason): return failed(reason)
      case .ended(let status):
        let said =
          replies.complaint.split(whereSeparator: \.isNewline).last.map { ": \(String($0).visible)" } ?? ""
        return failed("the agent ended with status \(status) and no answer\(said)")
      case .reply(.output(_, let captured)): output += captured.text
      case .reply(.end(.ok, _)): return .success(output)
      case .reply(.end(_, let text)): return failed(text)
      case .reply(.hello), .reply(.begin), .reply(.step), .reply(.await): continue
      }
    }
  }

  private func failed(_ reason: String) -> Result<String, Failure> {
    .failure(Failure(description: "\(host.name): \(reason)", isUnreachable: false))
  }
}
