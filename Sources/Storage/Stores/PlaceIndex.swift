import Fleet

/// Numbers for the places where a certificate goes to a host, lineage by lineage and without gaps, so that the rows of several tables
/// find each other.
final class PlaceIndex {
  let hosts: [Host]
  let lineages: [Lineage]
  private let hostNumbers: [String: Int]
  private let lineageNumbers: [String: Int]
  private let places: [Places]

  /// Where a lineage goes.
  private struct Places {
    /// The number of the first.
    let first: Int
    /// The numbers of the hosts, ascending.
    let hosts: [Int]
    let isEverywhere: Bool

    func number(host: Int) -> Int? {
      if isEverywhere { return first + host }
      // By halves, as thousands of certificates may go to one host of thousands each.
      var (low, high) = (0, hosts.count)
      while low < high {
        let middle = (low + high) / 2
        if hosts[middle] < host { low = middle + 1 } else { high = middle }
      }
      return low < hosts.count && hosts[low] == host ? first + low : nil
    }
  }

  init(_ hosts: [Host], _ lineages: [Lineage]) {
    (self.hosts, self.lineages) = (hosts, lineages)
    let hostNumbers = Dictionary(
      hosts.enumerated().map { ($1.name.rawValue, $0) }, uniquingKeysWith: { $1 })
    lineageNumbers = Dictionary(
      lineages.enumerated().map { ($1.name.rawValue, $0) }, uniquingKeysWith: { $1 })
    // Hundreds of certificates may go to all of thousands of hosts, who are numbered once.
    let everywhere = Array(hosts.indices)
    var count = 0
    places = lineages.map { lineage in
      let own =
        lineage.name.host.map { host in hostNumbers[host.rawValue].map { [$0] } ?? [] }
        ?? hosts.indices.filter { lineage.goes(to: hosts[$0]) }
      defer { count += own.count }
      let isEverywhere = own.count == hosts.count
      return Places(first: count, hosts: isEverywhere ? everywhere : own, isEverywhere: isEverywhere)
    }
    (self.hostNumbers, self.count) = (hostNumbers, count)
  }

  /// How many places there are.
  let count: Int

  /// A lineage's places, in the order of its hosts, whose numbers are `hosts(of:)`.
  func places(of lineage: Int) -> Range<Int> {
    places[lineage].first..<places[lineage].first + places[lineage].hosts.count
  }

  func hosts(of lineage: Int) -> [Int] { places[lineage].hosts }

  /// Reads one value for each place from rows whose first column is the host, the second the lineage. Rows of one host mostly come
  /// together, and with the same lineages in the same order: a name is looked up where that is not so.
  ///
  /// - Parameter choose: of two for one place.
  func values<Value>(
    from database: any Database, _ sql: String, _ read: (any DatabaseRow) -> Value,
    choosing choose: (Value, Value) -> Value = { $1 }
  ) throws -> [Value?] {
    var values = [Value?](repeating: nil, count: count)
    var (host, hostNumber, next): (String, Int?, Int) = ("", nil, 0)
    try database.run(
      sql,
      forEach: { row in
        if host.isEmpty || !row.isText(0, host) {
          host = row.text(0)
          hostNumber = hostNumbers[host]
        }
        if next >= lineages.count { next = 0 }
        guard let hostNumber, !lineages.isEmpty else { return }
        if !row.isText(1, lineages[next].name.rawValue) {
          guard let found = lineageNumbers[row.text(1)] else { return }
          next = found
        }
        let place = places[next].number(host: hostNumber)
        next += 1
        guard let place else { return }
        let value = read(row)
        values[place] = values[place].map { choose($0, value) } ?? value
      })
    return values
  }
}
