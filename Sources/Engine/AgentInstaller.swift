package import Agents
package import Fleet
package import struct Fleet.Host

/// Puts the agent on a host for a key of its own, and believes it only when a login with that key has been answered.
package struct AgentInstaller: Sendable {
  private let installation: AgentInstallation
  private let administrator: Host
  private let connector: any Connector
  private let confirm: @Sendable () async -> String?

  /// - Parameters:
  ///   - administrator: the host as one who may install it logs in.
  ///   - confirm: logs in as certfleet will from now on; says why that did not work.
  package init(
    _ installation: AgentInstallation, as administrator: Host, connector: any Connector,
    confirm: @escaping @Sendable () async -> String?
  ) {
    self.installation = installation
    self.administrator = administrator
    self.connector = connector
    self.confirm = confirm
  }

  private static let patience = Duration.seconds(60)

  /// - Returns: why it was not done, and was undone; `nil` when it was.
  package func carryOut() async -> String? {
    let channel: any CommandChannel
    do {
      channel = try await ConnectRetry(host: administrator, connector: connector).connect()
    } catch { return error.reason }
    let failure = await converse(channel)
    await channel.close()
    return failure
  }

  private func converse(_ channel: any CommandChannel) async -> String? {
    let nonce = Nonce.make()
    var replies = AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.installation),
      limits: .init(
        time: Self.patience + AgentInstallation.confirmTimeout * 2, silence: Self.patience, frames: 2))
    do {
      try await channel.send(installation.bytes(nonce: nonce))
      while true {
        switch await replies.next(from: channel) {
        case .lost(let reason): return reason
        case .ended(let status): return VisitSession.notStarted(on: administrator, status, replies.complaint)
        case .reply(.await):
          let word: AgentRequest.Word = await confirm().map { .revert(because: $0) } ?? .commit
          try await channel.send(word.bytes(nonce: nonce))
          replies.gaveWord()
        case .reply(.end(.ok, _)): return nil
        case .reply(.end(_, let text)): return text
        case .reply(.hello), .reply(.begin), .reply(.output), .reply(.step): continue
        }
      }
    } catch { return error.reason }
  }
}
