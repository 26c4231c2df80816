import Fleet
import Planning
import Reporting

/// Hosts that have what is not stored here, as lines.
enum AheadHosts {
  static func lines(of ahead: [PlanningResult.Ahead]) -> [String] {
    Dictionary(grouping: ahead) { Kind(lineage: $0.lineage, has: $0.has, newest: $0.newest) }
      .map { kind, hosts in
        "\(HostSet.folded(hosts.map(\.host))): generation \(kind.has) of \(kind.lineage) is there, which is not stored here (the newest is \(kind.newest)); nothing is taken back: restore the newer state, or bring all forward: certfleet cert renew \(kind.lineage)"
      }.sorted()
  }

  private struct Kind: Hashable {
    let lineage: Lineage.Name
    let has: Generation
    let newest: Generation
  }
}
