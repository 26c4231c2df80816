import Foundation

/// Hosts on loopback, each its own sshd and nginx, with Pebble as their CA: the fleet of the demo and of the
/// end-to-end tests.
package final class LoopbackFleet: Sendable {
  package let folder: String
  package let network: Loopback
  package let authority: PebbleCA
  package let hosts: [ThrowawayHost]
  /// The key that logs in everywhere.
  package var identity: String { folder + "/id_ed25519" }

  package struct ThrowawayHost: Sendable {
    package let name: String
    package let address: String
    /// The login's `$HOME`, nginx's prefix, and the parent of `base`.
    package let home: String
    package var base: String { home + "/certs" }
    package let ssh: SSHServer
    package let web: WebServer
  }

  /// - Parameters:
  ///   - certificates: lineage and server name of each certificate that every host serves.
  package init(
    in folder: String, on network: Loopback, hosts count: Int,
    certificates: [(lineage: String, name: String)],
    authority temper: PebbleCA.Temper = .init(authorizationReuse: 0)
  ) async throws {
    self.folder = folder
    self.network = network
    try Files.makeFolder(folder)
    let identity = folder + "/id_ed25519"
    try await KeyPair.make(at: identity, type: "ed25519")
    let key = Files.read(identity + ".pub")
    authority = try await PebbleCA(in: folder + "/pebble", on: network, temper)
    hosts = try await withThrowingTaskGroup(of: ThrowawayHost.self) { group in
      for number in 1...count {
        group.addTask {
          let home = "\(folder)/web\(number)"
          let address = network.host(number)
          let ssh = try await SSHServer(in: home + "/sshd", at: address, home: home, authorizedKey: key)
          let web = try await WebServer(
            home: home, base: home + "/certs", at: address, certificates: certificates)
          return ThrowawayHost(name: "web\(number)", address: address, home: home, ssh: ssh, web: web)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.address < $1.address }
    }
  }

  /// Every process of the fleet.
  package var ids: [Int32] { authority.ids + hosts.flatMap { [$0.ssh.id, $0.web.id] } }

  package func stop() async {
    for host in hosts {
      await host.web.stop()
      await host.ssh.stop()
    }
    await authority.stop()
  }

  /// The deploy hook of a host's nginx.
  package static let reload =
    "nginx -p \"$HOME\" -c nginx.conf -e error.log -t && nginx -p \"$HOME\" -c nginx.conf -e error.log -s reload"
}
