import Agents
package import Engine
package import Fleet
import SSH

/// The engine's connector: limits what goes on at once, and has the host's transport do the rest.
package struct HostConnector: Connector {
  private let transport: any Transport
  private let limits: ConnectionLimits

  /// - Parameters:
  ///   - hosts: all that are declared, for those that are reached through others.
  ///   - pins: the only keys that hosts may show.
  ///   - environment: where the SSH agent and the user's home are named.
  package init(hosts: [Host], pins: HostKeyPins, environment: [String: String]) {
    limits = ConnectionLimits()
    transport = LibSSH2Transport(hosts: hosts, pins: pins, limits: limits, environment: environment)
  }

  package var executor: (any TaskExecutor)? { transport.executor }

  package func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    let slot = await ConnectionSlot(in: limits.limiters(for: host))
    do {
      return try await transport.open(AgentScript.command(for: host), on: host, slot: slot)
    } catch {
      await slot.release()
      throw error
    }
  }

  /// The keys that a host shows, the strongest first.
  ///
  /// - Parameter wanted: the fingerprint to look for among the host's other keys, where its first is another.
  package func offeredKeys(of host: Host, until wanted: String?) async throws -> [HostKey] {
    let first = try await transport.offeredKey(of: host, types: ServerKey.knownTypes)
    var keys = [first]
    guard let wanted else { return keys }
    for type in ServerKey.knownTypes where type != first.type && keys.last?.fingerprint != wanted {
      if let key = try? await transport.offeredKey(of: host, types: [type]) { keys.append(key) }
    }
    return keys
  }
}

/// The keys that hosts may show. A host that has none is not logged in to.
package struct HostKeyPins: Sendable {
  private let keys: [Host.Name: [HostKey]]

  package init(_ keys: [Host.Name: [HostKey]]) { self.keys = keys }

  func keys(of host: Host.Name) -> [HostKey] { keys[host] ?? [] }
}

extension HostConnector {
  /// The public half of an identity file; `nil` when it cannot be read.
  package static func publicKey(identity: String, environment: [String: String]) -> HostKey? {
    Credential.publicKey(identity: identity, environment: environment).map {
      HostKey(ServerKey(type: $0.type, blob: $0.blob))
    }
  }
}
