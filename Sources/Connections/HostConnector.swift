import Agents
package import Engine
package import Fleet
import FoundationEssentials
import SSH
import System

/// The engine's connector: limits what goes on at once, and has the way that leads to a host do the rest.
package struct HostConnector: Connector {
  private let libssh2: LibSSH2Transport
  private let program: SSHProgramTransport
  private let local = LocalTransport()
  private let ways: ConnectionWays
  private let limits: ConnectionLimits

  /// What it goes by.
  package struct Configuration: Sendable {
    /// All that are declared, for those that are reached through others.
    package var hosts: [Host]
    /// The only keys that hosts may show.
    package var pins: HostKeyPins
    /// Where the SSH agent and the user's home are named.
    package var environment: [String: String]
    /// Where ssh's own files may lie.
    package var folder: String
    /// Hosts that libssh2 was found not to reach.
    package var learned: [Host.Name: LearnedWay]
    package var remember: @Sendable (Host.Name, LearnedWay) async -> Void

    package init(
      hosts: [Host], pins: HostKeyPins, environment: [String: String], folder: String,
      learned: [Host.Name: LearnedWay] = [:],
      remember: @escaping @Sendable (Host.Name, LearnedWay) async -> Void = { _, _ in }
    ) {
      self.hosts = hosts
      self.pins = pins
      self.environment = environment
      self.folder = folder
      self.learned = learned
      self.remember = remember
    }
  }

  package init(_ configuration: Configuration) {
    let pins = configuration.pins
    let hosts = Dictionary(configuration.hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    limits = ConnectionLimits()
    libssh2 = LibSSH2Transport(
      hosts: hosts, pins: pins, limits: limits, environment: configuration.environment)
    program = SSHProgramTransport(hosts: hosts, pins: pins, folder: configuration.folder)
    ways = ConnectionWays(
      hosts: hosts, pins: pins,
      environment: configuration.environment, learned: configuration.learned, remember: configuration.remember
    )
  }

  package var executor: (any TaskExecutor)? { libssh2.executor }

  /// The way that is taken to a host, as far as it is known without asking anybody.
  package func way(to host: Host) -> ConnectionWay { ways.way(to: host) }

  package func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    let way = ways.way(to: host)
    do {
      return try await connect(to: host, by: way.kind)
    } catch {
      guard error.isBeyondIt, host.connection == .auto else { throw error.failure }
      DebugLog.write("\(host.name): libssh2 cannot: \(error.failure.reason)")
      do {
        let channel = try await connect(to: host, by: .ssh)
        await ways.learn(host, because: error.failure.reason)
        return channel
      } catch let other {
        throw ConnectFailure(
          reason: "\(error.failure.reason); and by ssh: \(other.failure.reason)",
          isPassing: other.failure.isPassing, isBusy: other.failure.isBusy)
      }
    }
  }

  private func connect(
    to host: Host, by way: ConnectionWay.Kind
  ) async throws(TransportFailure) -> any CommandChannel {
    let slot = await ConnectionSlot(in: limits.limiters(for: host, by: way))
    do {
      let password = try BecomePassword(for: host)
      let command = AgentScript.command(for: host, nonce: password?.nonce ?? "")
      let channel = try await transport(way).open(command, on: host, slot: slot)
      guard let password else { return channel }
      return try await password.tell(over: channel, to: host)
    } catch {
      await slot.release()
      throw error
    }
  }

  private func transport(_ way: ConnectionWay.Kind) -> any Transport {
    switch way {
    case .libssh2: libssh2
    case .ssh: program
    case .local: local
    }
  }

  /// The keys that a host shows, the strongest first.
  ///
  /// - Parameter wanted: the fingerprint to look for among the host's other keys, where its first is another.
  package func offeredKeys(of host: Host, until wanted: String?) async throws -> [HostKey] {
    let (transport, first) = try await firstKey(of: host)
    var keys = [first]
    guard let wanted else { return keys }
    for type in ServerKey.knownTypes where type != first.type && keys.last?.fingerprint != wanted {
      if let key = try? await transport.offeredKey(of: host, types: [type]) { keys.append(key) }
    }
    return keys
  }

  private func firstKey(of host: Host) async throws -> (any Transport, HostKey) {
    let transport = transport(ways.way(to: host).kind)
    do {
      return (transport, try await transport.offeredKey(of: host, types: ServerKey.knownTypes))
    } catch let failure as SSHFailure {
      guard case .unsupported = failure, host.connection == .auto else { throw failure }
      return (program, try await program.offeredKey(of: host, types: ServerKey.knownTypes))
    }
  }
}

/// The keys that hosts may show. A host that has none is not logged in to.
package struct HostKeyPins: Sendable {
  private let keys: [Host.Name: [HostKey]]

  package init(_ keys: [Host.Name: [HostKey]]) { self.keys = keys }

  var hosts: [Host.Name] { Array(keys.keys) }
  func keys(of host: Host.Name) -> [HostKey] { keys[host] ?? [] }
  /// Whether others vouch for the host's keys, and none of its own is pinned.
  func areAuthorities(of host: Host.Name) -> Bool {
    keys[host].map { !$0.isEmpty && $0.allSatisfy(\.isAuthority) } ?? false
  }
}

extension HostConnector {
  /// The public half of an identity file; `nil` when it cannot be read.
  package static func publicKey(identity: String, environment: [String: String]) -> HostKey? {
    Credential.publicKey(identity: identity, environment: environment).map {
      HostKey(ServerKey(type: $0.type, blob: $0.blob))
    }
  }
}
