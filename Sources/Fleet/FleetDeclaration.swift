/// All that the inventory files declare.
package struct FleetDeclaration: Hashable, Sendable, Codable {
  package var hosts: [Host]
  package var issuers: [Issuer]
  package var lineages: [Lineage]
  package var policies: [RolloutPolicy]

  package init(
    hosts: [Host] = [], issuers: [Issuer] = [], lineages: [Lineage] = [], policies: [RolloutPolicy] = []
  ) {
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
