package import Fleet
package import FoundationEssentials

/// A certificate over all hosts that it goes to: a line of the report.
package struct CertificateSummary: Hashable, Sendable, Encodable {
  package let lineage: Lineage.Name
  /// The newest; of keys that hosts make themselves, the newest of any.
  package let generation: Generation?
  /// How many it goes to, and how many of them have it and serve it as far as anybody looked.
  package let hosts: Int
  package let good: Int
  /// When the first of those that hosts have ends, else the newest.
  package let expires: Date?
  /// When the newest was issued.
  package let notBefore: Date?
  /// When it is renewed; `nil` where others do that.
  package let renewal: Date?

  private enum CodingKeys: String, CodingKey {
    case lineage, generation, hosts, good, expires, renewal
    case notBefore = "not_before"
  }

  /// What is worst comes first, then what ends first.
  package static func all(
    _ certificates: [ListedCertificate], _ statuses: [HostCertificateStatus], troubled: Set<Lineage.Name>
  ) -> [CertificateSummary] {
    var counts: [Lineage.Name: Count] = [:]
    for status in statuses { counts[status.lineage.declared, default: Count()].take(status) }
    let summaries = Dictionary(grouping: certificates) { $0.lineage.name.declared }.map { name, listed in
      let count = counts[name] ?? Count()
      return CertificateSummary(
        lineage: name, generation: listed.compactMap { $0.newest?.generation }.max(), hosts: count.hosts,
        good: count.good,
        expires: count.expires ?? listed.compactMap { $0.newest?.notAfter }.min(),
        notBefore: listed.compactMap { $0.newest?.notBefore }.min(),
        renewal: listed.compactMap(\.renewal).min())
    }
    func isWell(_ summary: CertificateSummary) -> Bool {
      summary.good == summary.hosts && !troubled.contains(summary.lineage)
    }
    return summaries.sorted { left, right in
      if isWell(left) != isWell(right) { return !isWell(left) }
      let (first, second) = (left.expires ?? .distantFuture, right.expires ?? .distantFuture)
      return first == second ? left.lineage < right.lineage : first < second
    }
  }

  private struct Count {
    var (hosts, good) = (0, 0)
    var expires: Date?

    mutating func take(_ status: HostCertificateStatus) {
      hosts += 1
      if status.isConverged { good += 1 }
      if let end = status.expires { expires = min(expires ?? end, end) }
    }
  }

  /// Under headings, as wide as there is room for.
  static func table(_ rows: ArraySlice<CertificateSummary>, on screen: Screen, now: Date) -> String {
    let width = screen.width ?? 120
    let cells = rows.map { $0.cells(now: now) }
    let numbers = (0..<4).map { column in
      max(cells.map { $0[column].columns }.max() ?? 0, Self.headings[column].count)
    }
    // Narrow screens lack what can be spared most.
    let bar = width >= 72 ? 16 : 0
    let shown = width >= 56 ? [0, 1, 2, 3] : width >= 36 ? [0, 1, 2] : width >= 28 ? [0, 1] : [0]
    let taken = shown.reduce(0) { $0 + numbers[$1] + 2 } + (bar > 0 ? bar + 2 : 0)
    let longest = max(rows.map(\.lineage.rawValue.columns).max() ?? 0, Self.nameHeading.count)
    let name = min(longest, max(width - taken, 8))
    func line(_ title: String, _ cells: [String], _ picture: String, _ style: Screen.Style?) -> String {
      var line = title.shortened(columns: name).padded(to: name)
      for column in shown {
        line += "  " + cells[column].padded(to: numbers[column])
        if column == 0, bar > 0 { line += "  " + picture.padded(to: bar) }
      }
      let text = String(line.reversed().drop { $0 == " " }.reversed())
      return (style.map { screen.styled(text, $0) } ?? text) + "\n"
    }
    let head = line(Self.nameHeading, Self.headings, bar > 0 ? "SERVED" : "", .dim)
    return head
      + zip(rows, cells).map { row, cells in
        line(row.lineage.rawValue, cells, row.bar(bar), row.good < row.hosts ? .warning : nil)
      }.joined()
  }

  private static let nameHeading = "CERTIFICATE"
  private static let headings = ["HOSTS", "ENDS IN", "RENEWS", "GEN"]

  private func cells(now: Date) -> [String] {
    let ends = expires.map { $0 <= now ? "ENDED" : $0.distance(from: now) } ?? "-"
    let renews =
      renewal.map { $0 <= now ? "due" : $0.distance(from: now) } ?? (generation == nil ? "due" : "by others")
    return ["\(good)/\(hosts)", ends, renews, generation.map(\.description) ?? "-"]
  }

  /// How many of its hosts have it; a full one only where all do.
  private func bar(_ width: Int) -> String {
    guard width > 0, hosts > 0 else { return "" }
    let filled = good * width / hosts
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }
}
