package import Agents
package import Fleet

/// Puts the agent on a host for a key of its own, and believes it only when a login with that key has been answered; or takes it away.
package struct AgentInstaller: Sendable {
  private let installation: AgentInstallation
  private let administrator: Host
  private let connector: any Connector
  private let direction: AgentInstallation.Direction
  private let confirm: @Sendable () async -> String?

  /// - Parameters:
  ///   - administrator: the host as one who may install it logs in.
  ///   - confirm: logs in as certfleet will from now on; says why that did not work.
  package init(
    _ installation: AgentInstallation, as administrator: Host, connector: any Connector,
    _ direction: AgentInstallation.Direction = .install,
    confirm: @escaping @Sendable () async -> String? = { nil }
  ) {
    self.direction = direction
    self.installation = installation
    self.administrator = administrator
    self.connector = connector
    self.confirm = confirm
  }

  private static let patience = Duration.seconds(60)

  /// - Returns: why it was not done, and was undone; `nil` when it was.
  package func run() async -> String? {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: administrator, over: connector)
    } catch { return error.reason }
    let nonce = Nonce.make()
    let limits = AgentReplyStream.Limits(
      time: Self.patience + AgentInstallation.confirmTimeout * 2, silence: Self.patience, frames: 2)
    let result: AgentConnection.Result<String?> = await connection.ask(
      [installation.bytes(nonce: nonce, direction)],
      AgentReplyStream(nonce: nonce, order: AgentReplyOrder(.installation), limits: limits)
    ) { reply, _ in
      switch reply {
      case .await: .give(await confirm().map { .revert(because: $0) } ?? .commit)
      case .end(.ok, _): .answer(nil)
      case .end(_, let text): .answer(text)
      case .hello, .more, .begin, .found, .output, .step: .goOn
      }
    }
    return switch result {
    case .answered(let failure): failure
    case .notStarted(let reason), .lost(let reason): reason
    }
  }
}
