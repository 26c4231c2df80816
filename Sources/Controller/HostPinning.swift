import Connections
package import Fleet
import FoundationEssentials
import Storage
import System

/// The keys that hosts may show.
extension Controller {
  /// What became of a host's key.
  package enum PinResult: Sendable {
    case pinned(HostKey)
    case pinnedAlready(HostKey)
    /// A person said no.
    case declined
  }

  /// Looks at a host's key, has it confirmed, and pins it.
  ///
  /// - Parameters:
  ///   - wanted: the fingerprint that the key must have.
  ///   - keeping: whether what is pinned stays, too.
  ///   - confirm: asked where no fingerprint is given, with the key and what was pinned until now.
  package func pin(
    _ host: Host, wanted: String?, keeping: Bool, confirm: (HostKey, [HostKey]) throws -> Bool
  ) async throws -> PinResult {
    // A connector for each host: the one before may be on the way to it.
    let offered = try await connector().offeredKeys(of: host, until: wanted)
    let pinned = try await store.pinnedKeys(of: host.name)
    guard
      let key = wanted.map({ wanted in offered.first { $0.fingerprint == wanted } }) ?? offered.first
    else {
      throw ControllerError.otherKeyOffered(host.name, offered: offered, wanted: wanted ?? "")
    }
    if pinned.contains(key), keeping || pinned.count == 1 { return .pinnedAlready(key) }
    if wanted == nil, try !confirm(key, pinned) { return .declined }
    try await store.pin([host.name: (keeping ? pinned : []) + [key]], now: Date())
    return .pinned(key)
  }

  /// A host, and the key that it shows to whoever asks.
  package struct ScannedHost: Sendable {
    package let host: Host
    package let key: HostKey
    package let pinned: [HostKey]
  }

  /// What hosts show now. Nothing is pinned by that: whoever is on the way to a host may show a key of their own.
  ///
  /// - Parameter selector: `nil` is all that are declared.
  package func scan(_ selector: String?) async throws -> (
    shown: [ScannedHost], failed: [(host: Host.Name, why: String)]
  ) {
    let hosts = try pick(selector, among: try await store.hosts()).filter(\.showsKey)
    let pinned = try await store.pinnedKeys()
    let results = try await BoundedConcurrency.run(over: hosts, limit: Self.hostsAtOnce) { host in
      do {
        return (host, key: try await connector().offeredKeys(of: host, until: nil).first, why: "")
      } catch { return (host, key: nil, why: "\(error)") }
    }
    var (shown, failed): ([ScannedHost], [(host: Host.Name, why: String)]) = ([], [])
    for (host, key, why) in results.sorted(by: { $0.0.name < $1.0.name }) {
      guard let key else {
        failed.append((host.name, why))
        continue
      }
      shown.append(ScannedHost(host: host, key: key, pinned: pinned[host.name] ?? []))
    }
    return (shown, failed)
  }

  /// The hosts that these names stand for; none stands for all that have no pinned key.
  package func hostsToPin(_ names: [String]) async throws -> [Host] {
    let pinned = names.isEmpty ? try await store.pinnedKeys() : [:]
    return try await hosts(named: names).filter { $0.showsKey && pinned[$0.name]?.isEmpty ?? true }
  }

  /// Pins what a known_hosts file says of hosts, and tells what a person should know of it.
  ///
  /// - Parameters:
  ///   - file: `ssh` stands for the files of ssh's own configuration.
  ///   - names: none stands for all hosts.
  package func pin(
    fromKnownHosts file: String, _ names: [String], keeping: Bool
  ) async throws -> (pinned: [Host.Name], unchanged: [Host.Name], missing: [Host.Name]) {
    let read = try KnownHostsImport(
      of: try await hosts(named: names), in: file, beside: try await store.pinnedKeys(), keeping: keeping)
    for notice in read.notices { tell(.knownHosts(notice)) }
    try await store.pin(read.pins, now: Date())
    return (read.pins.filter { !$0.value.isEmpty }.map(\.key), read.unchanged, read.missing)
  }
}
