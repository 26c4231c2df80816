import Agents
import Engine
import Fleet
import Foundation
import Inventory
import SSH
import struct Fleet.Host

/// The engine's connector over libssh2.
struct SSHConnector: Connector {
  let loop: EventLoop
  let pinned: [Host.Name: [HostKey]]
  let environment: [String: String]

  private static let connectTimeout = Duration.seconds(15)
  private static let sendTimeout = Duration.seconds(60)

  func connect(to host: Host) async throws(ConnectFailure) -> any Conversation {
    do {
      let keys = (pinned[host.name] ?? []).compactMap(ServerKey.init)
      guard !keys.isEmpty else {
        throw SSHFailure.hostKey(
          "no host key is pinned; look at it and pin it: certfleet host pin \(host.name)")
      }
      let credential = try Credential.choose(identity: host.identity, environment: environment)
      let connection = try await SSHConnection.connect(
        to: Endpoint(host), expecting: .pinned(keys), on: loop, within: Self.connectTimeout
      ).connection
      do {
        try await connection.authenticate(
          as: host.user ?? NSUserName(), with: credential, within: Self.connectTimeout)
        try await connection.execute(AgentScript.command(for: host), within: Self.connectTimeout)
      } catch {
        await connection.close()
        throw error
      }
      return SSHConversation(connection: connection, sendTimeout: Self.sendTimeout)
    } catch let failure as SSHFailure {
      throw ConnectFailure(failure, host: host.name)
    } catch {
      throw ConnectFailure(reason: "\(error)", isPassing: false)
    }
  }
}

extension ConnectFailure {
  fileprivate init(_ failure: SSHFailure, host: Host.Name) {
    switch failure {
    case .unreachable(let why), .lost(let why): self.init(reason: why, isPassing: true)
    case .hostKey(let why) where why.hasPrefix("host key changed"):
      self.init(reason: "\(why); if expected: certfleet host pin \(host)", isPassing: false)
    case .hostKey(let why), .authentication(let why), .incompatible(let why):
      self.init(reason: why, isPassing: false)
    }
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

/// The agent's command as the engine sees it.
private struct SSHConversation: Conversation {
  let connection: SSHConnection
  let sendTimeout: Duration

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    do {
      try await connection.send(bytes, within: sendTimeout)
    } catch { throw ConnectionLost(reason: error.description) }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> Heard {
    do {
      switch try await connection.receive(within: timeout) {
      case .stdout(let bytes): return .stdout(bytes)
      case .stderr(let bytes): return .stderr(bytes)
      case .ended(let status): return .ended(status: status)
      }
    } catch { throw ConnectionLost(reason: error.description) }
  }

  func close() async { await connection.close() }
}
