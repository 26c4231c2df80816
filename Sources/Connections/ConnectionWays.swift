import Fleet
import FoundationEssentials
import SSH
import Synchronization
import System

/// What was found out about a host that libssh2 does not reach, kept until it may be otherwise.
package struct LearnedWay: Hashable, Sendable {
  package let reason: String
  /// The host's declaration, its pinned keys and libssh2's version then.
  package let basis: String

  package init(reason: String, basis: String) { (self.reason, self.basis) = (reason, basis) }
}

/// Which way is taken to each host: as declared, else by what can be seen from here, and what was found out before.
final class ConnectionWays: Sendable {
  private let hosts: [Host.Name: Host]
  private let pins: HostKeyPins
  private let environment: [String: String]
  private let remember: @Sendable (Host.Name, LearnedWay) async -> Void
  private let learned: Mutex<[Host.Name: LearnedWay]>
  /// Of an identity file, why libssh2 cannot use it.
  private let obstacles = Mutex<[String: String?]>([:])

  init(
    hosts: [Host.Name: Host], pins: HostKeyPins, environment: [String: String],
    learned: [Host.Name: LearnedWay],
    remember: @escaping @Sendable (Host.Name, LearnedWay) async -> Void
  ) {
    self.hosts = hosts
    self.pins = pins
    self.environment = environment
    self.learned = Mutex(learned)
    self.remember = remember
  }

  func way(to host: Host) -> ConnectionWay {
    switch host.connection {
    case .local: return ConnectionWay(.local, because: "declared")
    case .ssh: return ConnectionWay(.ssh, because: "declared")
    case .libssh2: return ConnectionWay(.libssh2)
    case .auto: return reason(of: host).map { ConnectionWay(.ssh, because: $0) } ?? ConnectionWay(.libssh2)
    }
  }

  /// libssh2 does not reach it: from now on ssh is taken.
  func learn(_ host: Host, because reason: String) async {
    let way = LearnedWay(reason: reason, basis: basis(of: host))
    learned.withLock { $0[host.name] = way }
    await remember(host.name, way)
  }

  private func reason(of host: Host, hops: Int = 0) -> String? {
    if let directives = host.sshConfig?.directives, !directives.isEmpty {
      return "its ssh_config has \(directives.joined(separator: ", "))"
    }
    if let obstacle = obstacle(in: host.identity) { return obstacle }
    if pins.areAuthorities(of: host.name) { return "an authority vouches for its keys" }
    if let known = learned.withLock({ $0[host.name] }), known.basis == basis(of: host) { return known.reason }
    guard hops < 10, let via = host.via.flatMap({ hosts[$0] }) else { return nil }
    if via.connection == .ssh { return "\(via.name), through which it is reached, is declared so" }
    return reason(of: via, hops: hops + 1).map { "via \(via.name): \($0)" }
  }

  private func obstacle(in identity: String?) -> String? {
    guard let path = identity ?? Credential.standardIdentity(environment) else { return nil }
    return obstacles.withLock { known in
      if let obstacle = known[path] { return obstacle }
      let obstacle = Credential.obstacle(identity: path, environment: environment)
      known[path] = obstacle
      return obstacle
    }
  }

  private func basis(of host: Host) -> String {
    let keys = pins.keys(of: host.name).map(\.fingerprint).sorted()
    let declared = (try? FleetJSON.canonical(host)) ?? ""
    return "\(LibSSH2.version) \(keys.joined(separator: " ")) \(declared)"
  }
}
