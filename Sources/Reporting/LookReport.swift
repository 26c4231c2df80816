package import Fleet
package import FoundationEssentials

/// What a look has seen.
package struct LookReport: Sendable, Encodable, Report {
  package static let schema = JSONText.Schema.look

  package let items: [Item]

  package struct Item: Sendable, Codable {
    package let host: Host.Name
    package let lineage: Lineage.Name
    package let result: Result
    /// The drift's kind.
    package let drift: Drift.Kind?
    /// What was seen, or why nothing was.
    package let detail: String

    package enum Result: String, Sendable, Codable {
      case good, drifted, unseen
      /// It lets nobody in, or belongs to another controller, until a person has acted.
      case refused
      /// Nothing was brought there yet.
      case unknown
    }
  }

  package init(items: [Item]) { self.items = items }

  /// - Parameter refused: the hosts of which nothing was seen until a person has acted.
  package init(_ sightings: [Sighting], refused: Set<Host.Name>) {
    items = sightings.sorted { ($0.host, $0.lineage) < ($1.host, $1.lineage) }.map { sighting in
      let drift = sighting.disk.drift ?? sighting.endpoints.drift
      let result: Item.Result =
        if refused.contains(sighting.host) {
          .refused
        } else if drift != nil {
          .drifted
        } else if sighting.failure != nil {
          .unseen
        } else {
          sighting.disk == .good || sighting.endpoints == .good ? .good : .unknown
        }
      return Item(
        host: sighting.host, lineage: sighting.lineage, result: result,
        drift: result == .drifted ? drift?.kind : nil,
        detail: (result == .refused ? nil : drift?.detail) ?? sighting.failure ?? "")
    }
  }

  package func text(now: Date) -> String {
    guard !items.isEmpty else { return "no certificate goes to these hosts\n" }
    var lines = troubles + groups(of: named(.unknown)) { _ in "nothing was brought there yet" }
    let good = Set(named(.good).map(\.host)).subtracting(items.filter { $0.result != .good }.map(\.host))
    if !good.isEmpty { lines.append("as it should be: \(HostSet.folded(good))") }
    return lines.map { $0 + "\n" }.joined()
  }

  private func named(_ result: Item.Result) -> [Item] { items.filter { $0.result == result } }

  /// What is not as it should be, or was not seen.
  package var troubles: [String] {
    var lines = groups(of: named(.drifted)) { "drifted (\($0.drift?.words ?? "")): \($0.detail)" }
    lines += groups(of: named(.refused)) { $0.detail }
    lines += groups(of: named(.unseen)) { "not seen: \($0.detail)" }
    return lines
  }

  /// Hosts with the same answer together.
  private func groups(of items: [Item], _ words: (Item) -> String) -> [String] {
    Dictionary(grouping: items) { "\($0.lineage): \(words($0).visible.shortened(to: 300))" }
      .sorted { $0.value[0].host < $1.value[0].host }
      .map { "\(HostSet.folded(Set($1.map(\.host)))): \($0)" }
  }
}
