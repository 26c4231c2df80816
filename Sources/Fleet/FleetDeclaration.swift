/// All that the inventory files declare.
package struct FleetDeclaration: Hashable, Sendable, Codable {
  package var hosts: [Host]
  package var issuers: [Issuer]
  package var lineages: [Lineage]
  package var policies: [RolloutPolicy]
  /// `nil`: everything that happened stays in the database.
  package var history: HistoryKeeping?
  package var metrics: MetricsFile?
  package var notifiers: [Notifier]

  package init(
    hosts: [Host] = [], issuers: [Issuer] = [], lineages: [Lineage] = [], policies: [RolloutPolicy] = [],
    history: HistoryKeeping? = nil, metrics: MetricsFile? = nil, notifiers: [Notifier] = []
  ) {
    self.history = history
    self.metrics = metrics
    self.notifiers = notifiers
    self.hosts = hosts
    self.issuers = issuers
    self.lineages = lineages
    self.policies = policies
  }

  /// What of it another does not declare too.
  package func without(_ other: FleetDeclaration) -> FleetDeclaration {
    func rest<Value, Name: Hashable>(_ list: KeyPath<FleetDeclaration, [Value]>, _ name: KeyPath<Value, Name>)
      -> [Value]
    {
      let names = Set(other[keyPath: list].map { $0[keyPath: name] })
      return self[keyPath: list].filter { !names.contains($0[keyPath: name]) }
    }
    return FleetDeclaration(
      hosts: rest(\.hosts, \.name), issuers: rest(\.issuers, \.name), lineages: rest(\.lineages, \.name),
      policies: rest(\.policies, \.name))
  }
}

/// How long events stay in the database; older ones go into files beside it.
package struct HistoryKeeping: Hashable, Sendable, Codable {
  package var keep: Duration

  package init(keep: Duration) { self.keep = keep }

  private enum CodingKeys: String, CodingKey { case keep = "keep_seconds" }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    keep = .seconds(try values.decode(Double.self, forKey: .keep))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(keep.seconds, forKey: .keep)
  }
}
