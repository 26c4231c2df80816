import FoundationEssentials
import Glibc
import Synchronization

/// A connected socket that nothing has been said over yet.
package final class ConnectedSocket: Sendable {
  let endpoint: Endpoint
  private let descriptor: Mutex<Int32?>

  private init(_ descriptor: Int32, to endpoint: Endpoint) {
    self.endpoint = endpoint
    self.descriptor = Mutex(descriptor)
  }

  deinit { if let left = take() { close(left) } }

  /// The way to a server.
  package enum Route: Sendable {
    case direct
    /// Over a channel of a connection to a host in between (ProxyJump in ssh_config(5)).
    case through(SSHConnection)
  }

  package static func connect(
    to endpoint: Endpoint, by route: Route = .direct, on loop: EventLoop, within timeout: Duration
  ) async throws(SSHFailure) -> ConnectedSocket {
    let deadline = ContinuousClock.now + timeout
    let descriptor =
      switch route {
      case .direct: try await Dialer(loop: loop).connect(endpoint, until: deadline)
      case .through(let jump): try await jump.forward(to: endpoint, until: deadline)
      }
    return ConnectedSocket(descriptor, to: endpoint)
  }

  /// For its new owner; once.
  func take() -> Int32? {
    descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
  }
}

/// Connecting belongs on the loop's thread before there is a connection to do it.
private actor Dialer {
  private let loop: EventLoop

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(loop: EventLoop) { self.loop = loop }

  func connect(_ endpoint: Endpoint, until deadline: ContinuousClock.Instant) async throws(SSHFailure)
    -> Int32
  {
    try await Socket.connect(to: endpoint, on: loop, until: deadline)
  }
}
