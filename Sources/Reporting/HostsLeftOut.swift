package import Fleet

/// Hosts that nobody can visit until a person has acted, as lines.
package enum HostsLeftOut {
  package static func lines(of hosts: [HostLeftOut]) -> [String] {
    let unpinned = hosts.filter { $0.why == .noPinnedKey }.map(\.host)
    let first =
      unpinned.isEmpty
      ? []
      : [
        "certfleet: left out: \(HostSet.folded(unpinned)), no host key is pinned; compare and pin: \(Remedy.pinHost(nil))"
      ]
    return first
      + hosts.compactMap {
        guard case .refused(let reason) = $0.why else { return nil }
        return "certfleet: left out: \($0.host): \(reason.visible.shortened(to: 400))"
      }.sorted()
  }
}
