/// All that the inventory files declare.
public struct FleetDeclaration: Hashable, Sendable, Codable {
  public var hosts: [Host]
  public var issuers: [Issuer]
  public var lineages: [Lineage]
  public var policies: [RolloutPolicy]

  public init(
    hosts: [Host] = [], issuers: [Issuer] = [], lineages: [Lineage] = [], policies: [RolloutPolicy] = []
  ) {
    self.hosts = hosts
    self.issuers = issuers
    self.lineages = lineages
    self.policies = policies
  }
}
