import Engine
import Fleet
import FoundationEssentials
import SSH
import System

/// Reaches hosts by libssh2, on one event loop for all.
struct LibSSH2Transport: Transport {
  /// The process's, since its thread stays: whoever serves for months makes many of these.
  private static let loop = EventLoop()
  private let pins: HostKeyPins
  private let hosts: [Host.Name: Host]
  private let environment: [String: String]
  private let limits: ConnectionLimits
  private let jumps = JumpHosts()

  private static let connectTimeout = Duration.seconds(15)
  private static let sendTimeout = Duration.seconds(60)

  init(
    hosts: [Host.Name: Host], pins: HostKeyPins, limits: ConnectionLimits, environment: [String: String]
  ) {
    self.hosts = hosts
    self.pins = pins
    self.limits = limits
    self.environment = environment
  }

  var executor: (any TaskExecutor)? { Self.loop }

  func open(_ command: String, on host: Host, slot: ConnectionSlot) async throws(TransportFailure)
    -> any CommandChannel
  {
    do {
      let connection = try await login(to: host, slot)
      do {
        try await connection.execute(command, within: Self.connectTimeout)
        DebugLog.write("\(host.name): logged in, and started '\(command)'")
      } catch {
        await connection.close()
        throw error
      }
      return SSHCommandChannel(connection: connection, slot: slot, sendTimeout: Self.sendTimeout)
    } catch {
      DebugLog.write("\(host.name): not connected: \(error)")
      guard let failure = error as? SSHFailure else {
        throw TransportFailure(failure: ConnectFailure(reason: "\(error)", isPassing: false))
      }
      var isBeyondIt = false
      if case .unsupported = failure { isBeyondIt = true }
      throw TransportFailure(failure: ConnectFailure(failure), isBeyondIt: isBeyondIt)
    }
  }

  func offeredKey(of host: Host, types: [String]) async throws -> HostKey {
    let made = try await SSHConnection.connect(
      over: try await socket(to: host, nil), expecting: .look(types), on: Self.loop,
      within: Self.connectTimeout)
    await made.connection.close()
    return HostKey(made.key)
  }

  /// Connects and logs in. Where this machine has no room for one more, until another has ended.
  private func login(to host: Host, _ slot: ConnectionSlot? = nil) async throws -> SSHConnection {
    let keys = pins.keys(of: host.name).compactMap(ServerKey.init)
    guard !keys.isEmpty else {
      throw SSHFailure.hostKey("no host key is pinned; look at it and pin it: \(Remedy.pinHost(host.name))")
    }
    let credential = try Credential.choose(
      identity: host.identity, passphraseFile: host.passphraseFile, environment: environment)
    let socket = try await socket(to: host, slot)
    // Only now: a host that does not answer keeps none that does from being logged in to.
    return try await limits.handshakes.withSlot {
      try await login(to: host, over: socket, keys, credential)
    }
  }

  private func socket(to host: Host, _ slot: ConnectionSlot?) async throws -> ConnectedSocket {
    let deadline = ContinuousClock.now + Self.connectTimeout
    var jump: SSHConnection?
    var occupied: SSHConnection?
    while true {
      do {
        jump = try await jumpHost(of: host, insteadOf: occupied)
        await limits.starts.begin()
        DebugLog.write(
          "\(host.name): connecting to \(Endpoint(host))\(host.via.map { " by way of \($0)" } ?? "")")
        return try await socket(to: host, through: jump)
      } catch let failure as SSHFailure {
        switch failure {
        case .occupied where .now < deadline: occupied = jump
        case .exhausted: guard let slot, await slot.makeRoom() else { throw failure }
        default: throw failure
        }
      }
    }
  }

  private func socket(
    to host: Host, through jump: SSHConnection?
  ) async throws(SSHFailure) -> ConnectedSocket {
    do {
      return try await ConnectedSocket.connect(
        to: Endpoint(host), by: jump.map(ConnectedSocket.Route.through) ?? .direct, on: Self.loop,
        within: Self.connectTimeout)
    } catch { throw host.via.map(error.at) ?? error }
  }

  private func login(
    to host: Host, over socket: ConnectedSocket, _ keys: [ServerKey], _ credential: Credential
  ) async throws -> SSHConnection {
    let connection: SSHConnection
    do {
      connection = try await SSHConnection.connect(
        over: socket, expecting: .pinned(keys), on: Self.loop, within: Self.connectTimeout
      ).connection
    } catch {
      switch error {
      case .hostKey(let why): throw SSHFailure.hostKey("\(why); if expected: \(Remedy.pinHost(host.name))")
      case .otherKeyType(let types):
        let pinned = keys.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")
        let offered = try? await offeredKey(of: host, types: ServerKey.knownTypes)
        let shown = offered.map { "\($0.type) \($0.fingerprint)" } ?? types.joined(separator: ", ")
        throw SSHFailure.hostKey(
          "host key changed (pinned \(pinned), offered \(shown)); if expected: \(Remedy.pinHost(host.name))")
      default: throw error
      }
    }
    do {
      let user = host.user ?? SystemUser.name
      DebugLog.write("\(host.name): its key is pinned; logging in as \(user) with \(credential.summary)")
      try await connection.authenticate(as: user, with: credential, within: Self.connectTimeout)
      return connection
    } catch {
      await connection.close()
      throw error
    }
  }

  /// The connection that a host is reached through, where it is not reached directly.
  private func jumpHost(of host: Host, insteadOf occupied: SSHConnection?) async throws -> SSHConnection? {
    guard let via = host.via else { return nil }
    guard let jump = hosts[via] else {
      throw SSHFailure.incompatible(
        "there is no host '\(via)', through which it is reached; apply the inventory")
    }
    do {
      return try await jumps.connection(to: via, insteadOf: occupied) { try await login(to: jump) }
    } catch let failure as SSHFailure { throw failure.at(via) }
  }
}

extension Endpoint {
  init(_ host: Host) { self.init(address: host.address, port: host.port) }
}

extension ServerKey {
  /// `nil` when the stored key is not one.
  init?(_ pinned: HostKey) {
    guard !pinned.isAuthority, let blob = Data(base64Encoded: pinned.encoded) else { return nil }
    self.init(type: pinned.type, blob: Array(blob), fingerprint: pinned.fingerprint)
  }
}

extension HostKey {
  init(_ key: ServerKey) {
    self.init(type: key.type, encoded: Data(key.blob).base64EncodedString(), fingerprint: key.fingerprint)
  }
}

extension Credential {
  /// Which key it is, for the debug log.
  fileprivate var summary: String {
    switch self {
    case .file(let path, _): "the key in \(path)"
    case .agent(nil): "the agent's first key"
    case .agent: "a key that the agent has"
    }
  }
}
