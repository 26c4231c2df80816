import Connections
package import Fleet
import FoundationEssentials
import Storage

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
