package import Fleet
import FoundationEssentials

/// Hosts that have what is not stored here, as lines.
package enum HostsAhead {
  package static func lines(of ahead: [HostAhead]) -> [String] {
    Dictionary(grouping: ahead) { Kind(lineage: $0.lineage, has: $0.has, newest: $0.newest, until: $0.until) }
      .map { kind, hosts in
        if let until = kind.until {
          return
            "\(HostSet.folded(hosts.map(\.host))): generation \(kind.has) of \(kind.lineage) is there with its key, until \(until.ISO8601Format()), which this state does not know; it stays until the next is issued"
        }
        return
          "\(HostSet.folded(hosts.map(\.host))): generation \(kind.has) of \(kind.lineage) is there, which is not stored here (the newest is \(kind.newest)); nothing is taken back: restore the newer state, or bring all forward: \(Remedy.renew(kind.lineage))"
      }.sorted()
  }

  private struct Kind: Hashable {
    let lineage: Lineage.Name
    let has: Generation
    let newest: Generation
    let until: Date?
  }
}

/// What hosts have and a state did not know, as lines.
package enum TakenOver {
  package static func lines(of sightings: [Sighting]) -> [String] {
    Dictionary(grouping: sightings) { sighting in
      let generation = sighting.generation?.description ?? "?"
      let dates = sighting.certificate.map {
        " from \($0.notBefore.ISO8601Format()), valid until \($0.notAfter.ISO8601Format())"
      }
      return
        "generation \(generation) of \(sighting.lineage) is there, which this state did not know\(dates ?? "")"
    }.map { "\(HostSet.folded($1.map(\.host))): \($0)" }.sorted()
  }
}
