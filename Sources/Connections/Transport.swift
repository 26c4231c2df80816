import Engine
import Fleet

/// One way to reach hosts. Pins, limits and retries are the connector's and the engine's, whichever way is taken.
protocol Transport: Sendable {
  /// Connects, proves that the host has a pinned key, logs in and starts a command.
  ///
  /// - Parameter slot: what the connection takes up. The channel gives it back when it is closed.
  func open(_ command: String, on host: Host, slot: ConnectionSlot) async throws(TransportFailure)
    -> any CommandChannel

  /// The key that a host shows, of one of these types (RFC 4253 §6.6); nothing is sent to it then.
  func offeredKey(of host: Host, types: [String]) async throws -> HostKey
}

/// Why a way does not lead to a host.
struct TransportFailure: Error {
  let failure: ConnectFailure
  /// Whether it is the way that cannot, so that another may.
  var isBeyondIt = false
}
