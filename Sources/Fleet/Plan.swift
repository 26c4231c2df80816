public import Foundation

/// What one rollout will do, frozen: the hosts in their waves, and for each host the certificates and hooks.
public struct Plan: Hashable, Sendable, Codable {
  public var policy: RolloutPolicy
  /// In the order in which they go; never empty, and no wave is empty.
  public var waves: [PlannedWave]

  public init(policy: RolloutPolicy, waves: [PlannedWave]) {
    self.policy = policy
    self.waves = waves
  }

  public var visits: [PlannedVisit] { waves.flatMap(\.visits) }
  public var hostCount: Int { waves.reduce(0) { $0 + $1.visits.count } }
  public var lineages: [Lineage.Name] { Set(visits.flatMap { $0.certificates.map(\.lineage) }).sorted() }

  /// The earliest moment at which a host would be left with a certificate that no longer serves.
  public var deadline: Date? { visits.flatMap { $0.certificates.compactMap(\.deadline) }.min() }
}

/// Hosts that go together.
public struct PlannedWave: Hashable, Sendable {
  public var rule: WaveRule
  public var visits: [PlannedVisit]

  public init(_ visits: [PlannedVisit], by rule: WaveRule = WaveRule(take: .rest)) {
    self.rule = rule
    self.visits = visits
  }
}

/// One host's part: all its due certificates in one SSH session.
public struct PlannedVisit: Hashable, Sendable, Codable {
  public var host: Host
  public var certificates: [PlannedCertificate]
  /// Whether the host was not reached last time: that it is not reached again is nothing new, and no budget counts it.
  public var wasUnreachable: Bool

  private enum CodingKeys: String, CodingKey {
    case host, certificates
    case wasUnreachable = "was_unreachable"
  }

  public init(host: Host, certificates: [PlannedCertificate], wasUnreachable: Bool = false) {
    self.host = host
    self.certificates = certificates
    self.wasUnreachable = wasUnreachable
  }

  /// What is wanted of the host, without what it had before and why it is visited.
  public var essence: PlannedVisit {
    PlannedVisit(host: host, certificates: certificates.map(\.essence))
  }

  /// Whether the host would go back to a certificate that nobody should serve any more.
  public func hasNoWayBack(at moment: Date) -> Bool {
    certificates.contains { certificate in
      certificate.replaces.map { moment >= $0.servesUntil && $0.generation != certificate.generation }
        ?? false
    }
  }

  /// The visit that takes the host back to what it had; `nil` where that is nothing, or would not be valid.
  public func back(at moment: Date) -> PlannedVisit? {
    let former = certificates.compactMap { $0.back(at: moment) }
    return former.isEmpty ? nil : PlannedVisit(host: host, certificates: former)
  }
}

extension PlannedVisit {
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    host = try values.decode(Host.self, forKey: .host)
    certificates = try values.decode([PlannedCertificate].self, forKey: .certificates)
    wasUnreachable = try values.decodeIfPresent(Bool.self, forKey: .wasUnreachable) ?? false
  }
}

extension PlannedWave: Codable {
  private enum CodingKeys: String, CodingKey { case rule, visits }

  /// A bare list of visits, where it was stored before waves had rules of their own.
  public init(from decoder: any Decoder) throws {
    guard let values = try? decoder.container(keyedBy: CodingKeys.self) else {
      self.init(try [PlannedVisit](from: decoder))
      return
    }
    self.init(
      try values.decode([PlannedVisit].self, forKey: .visits),
      by: try values.decode(WaveRule.self, forKey: .rule))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(rule, forKey: .rule)
    try values.encode(visits, forKey: .visits)
  }
}
