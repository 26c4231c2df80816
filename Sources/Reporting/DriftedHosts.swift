package import Fleet

/// Hosts that have drifted and are left as they are, as lines.
package enum DriftedHosts {
  package static func lines(of hosts: [DriftedHost]) -> [String] {
    Dictionary(grouping: hosts) { host in
      let what = "\(host.lineage) has drifted (\(host.kind.words): \(host.detail.visible.shortened(to: 200)))"
      return switch host.why {
      case .policy:
        "\(what), and policy \(host.policy) mends no drift; mend it: \(Remedy.push(host.lineage.declared))"
      case .mendedTwice:
        "\(what) again, twice within a day after it was mended: something else works on it; find that, then: \(Remedy.push(host.lineage.declared))"
      }
    }.map { "\(HostSet.folded($1.map(\.host))): \($0)" }.sorted()
  }
}
