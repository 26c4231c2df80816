package import Fleet

/// Hosts that nobody can visit until a person has acted, as lines.
package enum HostsLeftOut {
  /// As many reasons are told.
  private static let mostReasons = 10

  /// Hosts that refuse for the same reason together.
  package static func lines(of hosts: [HostLeftOut]) -> [String] {
    let unpinned = hosts.filter { $0.why == .noPinnedKey }.map(\.host)
    let first =
      unpinned.isEmpty
      ? []
      : [
        "certfleet: left out: \(HostSet.folded(unpinned)), no host key is pinned; compare and pin: \(Remedy.pinHost(nil))"
      ]
    let refused = hosts.compactMap { host -> (name: Host.Name, reason: String)? in
      guard case .refused(let reason) = host.why else { return nil }
      return (host.host, reason)
    }.sorted { $0.name < $1.name }
    let groups = Dictionary(grouping: refused) { Likeness.of($0.reason, without: [$0.name.rawValue]) }.values
      .sorted { $0[0].name < $1[0].name }
    let more = groups.dropFirst(mostReasons).joined()
    return first
      + groups.prefix(mostReasons).map { group in
        "certfleet: left out: \(HostSet.folded(group.map(\.name))): \(group[0].reason.visible.shortened(to: 400))"
      }
      + (more.isEmpty
        ? []
        : [
          "certfleet: left out: \(HostSet.folded(more.map(\.name))), for other reasons: certfleet host check"
        ])
  }
}
