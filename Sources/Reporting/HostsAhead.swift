package import Fleet

/// Hosts that have what is not stored here, as lines.
package enum HostsAhead {
  package static func lines(of ahead: [HostAhead]) -> [String] {
    Dictionary(grouping: ahead) { Kind(lineage: $0.lineage, has: $0.has, newest: $0.newest) }
      .map { kind, hosts in
        "\(HostSet.folded(hosts.map(\.host))): generation \(kind.has) of \(kind.lineage) is there, which is not stored here (the newest is \(kind.newest)); nothing is taken back: restore the newer state, or bring all forward: \(Remedy.renew(kind.lineage))"
      }.sorted()
  }

  private struct Kind: Hashable {
    let lineage: Lineage.Name
    let has: Generation
    let newest: Generation
  }
}
