import Engine
import Fleet

/// One way to reach hosts: libssh2 today. Pins, limits and retries are the connector's and the engine's, whichever way is taken.
protocol Transport: Sendable {
  /// Where its connections live; see `Connector`.
  var executor: (any TaskExecutor)? { get }

  /// Connects, proves that the host has a pinned key, logs in and starts a command.
  ///
  /// - Parameter slot: what the connection takes up. The channel gives it back when it is closed.
  func open(_ command: String, on host: Host, slot: ConnectionSlot) async throws(ConnectFailure)
    -> any CommandChannel

  /// The key that a host shows, of one of these types (RFC 4253 §6.6); nothing is sent to it then.
  func offeredKey(of host: Host, types: [String]) async throws -> HostKey
}
