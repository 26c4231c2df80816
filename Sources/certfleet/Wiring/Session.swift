import Engine
import Fleet
import Foundation
import Planning
import Reporting
import SSH
import Storage
import struct Fleet.Host

/// What commands share: the opened state.
struct Session: Sendable {
  let home: StateDirectory
  let store: Store

  /// - Parameters:
  ///   - makes: whether the state may be made here; a slip in its name must not look like an empty fleet.
  ///   - acceptsCutOff: whether a log that lacks its end may be looked at.
  init(_ invocation: Invocation, makes: Bool = false, acceptsCutOff: Bool = false) throws {
    guard makes || StateDirectory.exists(at: invocation.statePath) else {
      throw BadInput(
        "there is no state in '\(invocation.statePath.visible)'; apply an inventory first, or name the folder with --home"
      )
    }
    home = try StateDirectory(path: invocation.statePath)
    store = try Store(home: home, acceptsCutOff: acceptsCutOff)
  }

  /// - Returns: `nil` where there is no state yet.
  init?(ifThere invocation: Invocation) throws {
    guard StateDirectory.exists(at: invocation.statePath) else { return nil }
    try self.init(invocation)
  }

  /// Everything that certificates are issued for: the lineages, and where hosts have keys of their own, those.
  func issuable() async throws -> [Lineage] {
    let hosts = try await store.hosts()
    return try await store.lineages().flatMap { $0.instances(on: hosts) }
  }

  /// What a name on the command line stands for.
  func issuable(named name: String) async throws -> [Lineage] {
    if let instance = try await issuable().first(where: { $0.name.rawValue == name }) { return [instance] }
    return try await lineage(named: name).instances(on: try await store.hosts())
  }

  func hostErrands(_ invocation: Invocation) async throws -> HostErrands {
    HostErrands(connector: try await connector(invocation), hosts: try await store.hosts())
  }

  func connector(_ invocation: Invocation) async throws -> SSHConnector {
    SSHConnector(
      hosts: try await store.hosts(), pinned: try await store.pinnedKeys(),
      environment: invocation.environment)
  }

  /// Hosts that a certificate goes to and that have no pinned key yet, as a line to say before anything is done.
  func unpinnedWarning() async throws -> String? {
    let pinned = try await store.pinnedKeys()
    let selectors = try await store.lineages().flatMap { $0.deployments.map(\.selector) }
    let unpinned = try await store.hosts().filter { host in
      pinned[host.name] == nil && selectors.contains { $0.matches(host) }
    }
    guard !unpinned.isEmpty else { return nil }
    return
      "no host key is pinned for \(HostSet.folded(unpinned.map(\.name))); look at each and pin it: certfleet host pin HOST"
  }

  func host(named name: String) async throws -> Host {
    let hosts = try await store.hosts()
    guard let host = hosts.first(where: { $0.name.rawValue == name }) else {
      throw BadInput.unknown("host", name, among: hosts.map(\.name.rawValue), listing: "host list")
    }
    return host
  }

  func lineage(named name: String) async throws -> Lineage {
    let lineages = try await store.lineages()
    guard let lineage = lineages.first(where: { $0.name.rawValue == name }) else {
      throw BadInput.unknown("certificate", name, among: lineages.map(\.name.rawValue), listing: "cert list")
    }
    return lineage
  }
}
