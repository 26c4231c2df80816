import Agents
import Engine
import Fleet
import Foundation
import SSH
import Storage
import struct Fleet.Host
import System

/// The engine's connector over libssh2.
struct SSHConnector: Connector {
  private let loop = EventLoop()
  private let pinned: [Host.Name: [HostKey]]
  private let hosts: [Host.Name: Host]
  private let environment: [String: String]
  private let limits = ConnectionLimits()
  private let jumps = JumpHosts()

  private static let connectTimeout = Duration.seconds(15)
  private static let sendTimeout = Duration.seconds(60)

  init(hosts: [Host], pinned: [Host.Name: [HostKey]], environment: [String: String]) {
    self.hosts = Dictionary(hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    self.pinned = pinned
    self.environment = environment
  }

  var executor: (any TaskExecutor)? { loop }

  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    let slot = await ConnectionSlot(in: [limits.sessions] + limiters(to: host))
    do {
      let connection = try await login(to: host, slot)
      do {
        try await connection.execute(AgentScript.command(for: host), within: Self.connectTimeout)
      } catch {
        await connection.close()
        throw error
      }
      return SSHCommandChannel(connection: connection, slot: slot, sendTimeout: Self.sendTimeout)
    } catch {
      await slot.release()
      throw (error as? SSHFailure).map(ConnectFailure.init)
        ?? ConnectFailure(reason: "\(error)", isPassing: false)
    }
  }

  /// The key that a host shows, of one of these types.
  func look(at host: Host, for types: [String]) async throws -> ServerKey {
    let made = try await SSHConnection.connect(
      over: try await wire(to: host, nil), expecting: .look(types), on: loop, within: Self.connectTimeout)
    await made.connection.close()
    return made.key
  }

  /// Of the hosts on the way.
  private func limiters(to host: Host) async -> [ConcurrencyLimiter] {
    guard let via = host.via else { return [] }
    return [await jumps.limiter(of: via)]
  }

  /// Connects and logs in. Where this machine has no room for one more, until another has ended.
  private func login(to host: Host, _ slot: ConnectionSlot? = nil) async throws -> SSHConnection {
    let keys = (pinned[host.name] ?? []).compactMap(ServerKey.init)
    guard !keys.isEmpty else {
      throw SSHFailure.hostKey(
        "no host key is pinned; look at it and pin it: certfleet host pin \(host.name)")
    }
    let credential = try Credential.choose(
      identity: host.identity, passphraseFile: host.passphraseFile, environment: environment)
    let wire = try await wire(to: host, slot)
    // Only now: a host that does not answer keeps none that does from being logged in to.
    await limits.handshakes.acquire()
    do {
      let connection = try await login(to: host, over: wire, keys, credential)
      await limits.handshakes.release()
      return connection
    } catch {
      await limits.handshakes.release()
      throw error
    }
  }

  private func wire(to host: Host, _ slot: ConnectionSlot?) async throws -> ConnectedSocket {
    let deadline = ContinuousClock.now + Self.connectTimeout
    var jump: SSHConnection?
    var occupied: SSHConnection?
    while true {
      do {
        jump = try await jumpHost(of: host, insteadOf: occupied)
        await limits.starts.begin()
        return try await wire(to: host, through: jump)
      } catch let failure as SSHFailure {
        switch failure {
        case .occupied where .now < deadline: occupied = jump
        case .exhausted: guard let slot, await slot.makeRoom() else { throw failure }
        default: throw failure
        }
      }
    }
  }

  private func wire(to host: Host, through jump: SSHConnection?) async throws(SSHFailure) -> ConnectedSocket {
    do {
      return try await ConnectedSocket.connect(
        to: Endpoint(host), by: jump.map(ConnectedSocket.Route.through) ?? .direct, on: loop,
        within: Self.connectTimeout
      )
    } catch { throw host.via.map(error.at) ?? error }
  }

  private func login(
    to host: Host, over wire: ConnectedSocket, _ keys: [ServerKey], _ credential: Credential
  ) async throws -> SSHConnection {
    let connection: SSHConnection
    do {
      connection = try await SSHConnection.connect(
        over: wire, expecting: .pinned(keys), on: loop, within: Self.connectTimeout
      ).connection
    } catch {
      guard case .hostKey(let why) = error else { throw error }
      throw SSHFailure.hostKey("\(why); if expected: certfleet host pin \(host.name)")
    }
    do {
      try await connection.authenticate(
        as: host.user ?? SystemUser.name, with: credential, within: Self.connectTimeout)
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
    guard let blob = Data(base64Encoded: pinned.encoded) else { return nil }
    self.init(type: pinned.type, blob: Array(blob), fingerprint: pinned.fingerprint)
  }
}

extension HostKey {
  init(_ key: ServerKey) {
    self.init(type: key.type, encoded: Data(key.blob).base64EncodedString(), fingerprint: key.fingerprint)
  }
}
