import CSSH2
import FoundationEssentials

/// One SSH connection to one server, with one command on it.
///
/// It is a sequence: `connect`, `authenticate`, `execute`, then `send` and `receive`, then `close`. Any failure ends
/// it: libssh2's sessions cannot be trusted after an error.
package actor SSHConnection {
  let loop: EventLoop
  var session: SessionHandle
  let endpoint: Endpoint
  var channel: OpaquePointer?
  /// The command that was asked for, until the server has said whether it runs it.
  var starting: String?
  /// What is forwarded through this connection.
  var forwarding: Forwarding?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private init(endpoint: Endpoint, session: consuming SessionHandle, loop: EventLoop) {
    self.endpoint = endpoint
    self.session = session
    self.loop = loop
  }

  /// Which host keys are taken.
  package enum Expectation: Sendable {
    /// One of these; the server is asked for one of their types.
    case pinned([ServerKey])
    /// Any of one of these types, to look at it: nothing else may be done over such a connection.
    case look([String])
  }

  /// Connects, and checks the server's key before anything else is said.
  package static func connect(
    to endpoint: Endpoint, by route: ConnectedSocket.Route = .direct, expecting expectation: Expectation,
    on loop: EventLoop,
    within timeout: Duration
  ) async throws(SSHFailure) -> (connection: SSHConnection, key: ServerKey) {
    let deadline = ContinuousClock.now + timeout
    let wire = try await ConnectedSocket.connect(to: endpoint, by: route, on: loop, within: timeout)
    return try await connect(over: wire, expecting: expectation, on: loop, within: deadline - .now)
  }

  /// As much, over a wire that is there already.
  package static func connect(
    over wire: ConnectedSocket, expecting expectation: Expectation, on loop: EventLoop,
    within timeout: Duration
  ) async throws(SSHFailure) -> (connection: SSHConnection, key: ServerKey) {
    let (endpoint, deadline) = (wire.endpoint, ContinuousClock.now + timeout)
    guard let descriptor = wire.take() else { throw .lost("the connection to \(endpoint) is another's") }
    guard let session = SessionHandle(owning: descriptor) else {
      throw .exhausted("libssh2 could not be initialised")
    }
    let connection = SSHConnection(endpoint: endpoint, session: session, loop: loop)
    do {
      let key = try await connection.handshake(expectation, until: deadline)
      return (connection, key)
    } catch {
      await connection.close()
      throw error
    }
  }

  private func handshake(
    _ expectation: Expectation, until deadline: ContinuousClock.Instant
  ) async throws(SSHFailure) -> ServerKey {
    let types =
      switch expectation {
      case .pinned(let keys): keys.map(\.type)
      case .look(let types): types
      }
    libssh2_session_method_pref(session.pointer, LIBSSH2_METHOD_HOSTKEY, ServerKey.preferences(for: types))
    let status = try await retrying("the handshake", until: deadline) {
      libssh2_session_handshake(session.pointer, session.descriptor)
    }
    guard status == 0 else { throw handshakeFailure(status, types) }
    session.greeting.end()
    guard let key = ServerKey(of: session) else { throw .incompatible("\(endpoint) showed no host key") }
    if case .pinned(let keys) = expectation, !keys.contains(where: { $0.blob == key.blob }) {
      let pinned = keys.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")
      throw .hostKey("host key changed (pinned \(pinned), offered \(key.type) \(key.fingerprint))")
    }
    return key
  }

  private func handshakeFailure(_ status: Int, _ types: [String]) -> SSHFailure {
    let said = session.greeting.words
    guard session.greeting.isSSH else {
      // sshd says "Exceeded MaxStartups" or "Not allowed at this time" in the place of its version.
      if said.contains("MaxStartups") || said.contains("Not allowed at this time") {
        return .busy(
          "\(endpoint) takes no connection now: '\(said)'; raise MaxStartups there, or lower parallel")
      }
      return said.isEmpty
        ? .busy(
          "\(endpoint) closed the connection before it said anything; is sshd overloaded (MaxStartups), or a firewall in between?"
        )
        : .unreachable("\(endpoint) does not speak SSH: it says '\(said)'; check address and port")
    }
    let own = AlgorithmOffer(of: session, hostKeys: types)
    if let server = AlgorithmOffer(serverSays: session.greeting.sinceVersion),
      let (kind, conflict) = own.conflict(with: server)
    {
      return kind == .hostKey
        ? .otherKeyType(offered: server.hostKeys)
        : .unsupported("\(endpoint) and libssh2 \(LIBSSH2_VERSION) have \(conflict)")
    }
    switch Int32(status) {
    case LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_RECV, LIBSSH2_ERROR_SOCKET_SEND:
      return .unreachable("\(endpoint) closed the connection during the handshake")
    default: return .unreachable("the handshake with \(endpoint) failed: \(session.message)")
    }
  }

  /// Calls until the answer is not EAGAIN, waiting for the socket in between as libssh2 wants.
  func retrying(
    _ what: String, until deadline: ContinuousClock.Instant, _ call: () -> Int32
  ) async throws(SSHFailure) -> Int {
    while true {
      let status = Int(call())
      guard status == Int(LIBSSH2_ERROR_EAGAIN) else { return status }
      try await waitForSocket(what, until: deadline)
    }
  }

  func waitForSocket(_ what: String, until deadline: ContinuousClock.Instant) async throws(SSHFailure) {
    let directions = libssh2_session_block_directions(session.pointer)
    let writing = directions & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
    let reading = directions & LIBSSH2_SESSION_BLOCK_INBOUND != 0 || !writing
    let wake = await loop.wait(for: session.descriptor, reading: reading, writing: writing, until: deadline)
    guard wake == .ready else {
      throw channel == nil
        ? .unreachable("\(endpoint) timed out at \(what)") : .lost("\(endpoint) timed out at \(what)")
    }
  }

  package var isOpen: Bool { session.isOpen }

  /// Says goodbye, as far as the socket takes it, and frees everything. May be called more than once.
  package func close() {
    forwarding?.end()
    forwarding = nil
    session.close()
  }

  /// For every entry: what was closed is gone.
  func requireOpen() throws(SSHFailure) {
    guard session.isOpen else { throw .lost("the connection to \(endpoint) was closed") }
  }
}
