import Fleet

/// Numbers for the places where a certificate is on a host, so that the rows of several tables find each other: a name is looked up
/// when it is another one than in the row before, and not for every row.
final class PlaceIndex {
  let hosts: [Host]
  let lineages: [Lineage]
  private let hostNumbers: [String: Int]
  private let lineageNumbers: [String: Int]
  private var (last, lastNumber): (String, Int?) = ("", nil)

  init(_ hosts: [Host], _ lineages: [Lineage]) {
    (self.hosts, self.lineages) = (hosts, lineages)
    hostNumbers = Dictionary(
      hosts.enumerated().map { ($1.name.rawValue, $0) }, uniquingKeysWith: { $1 })
    lineageNumbers = Dictionary(
      lineages.enumerated().map { ($1.name.rawValue, $0) }, uniquingKeysWith: { $1 })
  }

  func number(lineage: Int, host: Int) -> Int { lineage * hosts.count + host }

  func lineage(of place: Int) -> Lineage { lineages[place / hosts.count] }

  /// - Parameter row: its first column is the host, the second the lineage.
  /// - Returns: `nil` where one of them is not declared.
  func number(of row: any DatabaseRow) -> Int? {
    if last.isEmpty || !row.isText(0, last) {
      last = row.text(0)
      lastNumber = hostNumbers[last]
    }
    guard let host = lastNumber, let lineage = lineageNumbers[row.text(1)] else { return nil }
    return number(lineage: lineage, host: host)
  }

  /// The numbers of the hosts that a certificate goes to.
  func hosts(of lineage: Lineage) -> [Int] {
    if let own = lineage.name.host { return hostNumbers[own.rawValue].map { [$0] } ?? [] }
    return hosts.indices.filter { lineage.goes(to: hosts[$0]) }
  }
}
