package import FoundationEssentials

/// What one rollout will do, frozen: the hosts in their waves, and for each host the certificates and hooks.
package struct Plan: Hashable, Sendable, Codable {
  package var policy: RolloutPolicy
  /// In the order in which they go; never empty, and no wave is empty.
  package var waves: [PlannedWave]

  package init(policy: RolloutPolicy, waves: [PlannedWave]) {
    self.policy = policy
    self.waves = waves
  }

  package var visits: [PlannedVisit] { waves.flatMap(\.visits) }
  package var hostCount: Int { waves.reduce(0) { $0 + $1.visits.count } }
  package var lineages: [Lineage.Name] { Set(visits.flatMap { $0.certificates.map(\.lineage) }).sorted() }

  /// Whether it only mends drift, of so many hosts at once that a person is to look first.
  package var isMassDrift: Bool {
    waves[0].rule.needsApproval && visits.allSatisfy(\.isMending)
      && !(policy.waves.first?.needsApproval ?? false)
  }

  /// Whether it takes certificates away.
  package var retires: Bool { waves.contains { $0.visits.contains(where: \.retires) } }

  /// The earliest moment at which a host would be left with a certificate that no longer serves.
  package var deadline: Date? { visits.flatMap { $0.certificates.compactMap(\.deadline) }.min() }
}

/// Hosts that go together.
package struct PlannedWave: Hashable, Sendable {
  package var rule: WaveRule
  package var visits: [PlannedVisit]

  package init(_ visits: [PlannedVisit], by rule: WaveRule = WaveRule(take: .rest)) {
    self.rule = rule
    self.visits = visits
  }

  /// Whether it takes a number of hosts: then a host of a later wave takes the place of one that is not reached.
  package var isOfFixedSize: Bool { if case .count = rule.take { true } else { false } }
}

/// One host's part: all its due certificates in one SSH session.
package struct PlannedVisit: Hashable, Sendable, Codable {
  package var host: Host
  package var certificates: [PlannedCertificate]
  /// Whether the host was not reached last time: that it is not reached again is nothing new, and no budget counts it.
  package var wasUnreachable: Bool

  private enum CodingKeys: String, CodingKey {
    case host, certificates
    case wasUnreachable = "was_unreachable"
  }

  package init(host: Host, certificates: [PlannedCertificate], wasUnreachable: Bool = false) {
    self.host = host
    self.certificates = certificates
    self.wasUnreachable = wasUnreachable
  }

  /// What is wanted of the host, without what it had before and why it is visited.
  package var essence: PlannedVisit {
    PlannedVisit(host: host, certificates: certificates.map(\.essence))
  }

  /// Whether it takes certificates away; then it brings none.
  package var retires: Bool { certificates.contains(where: \.isRetired) }

  /// The visit that takes all of it away.
  package var retired: PlannedVisit {
    PlannedVisit(
      host: host,
      certificates: certificates.map { $0.retired($0.generation, $0.fingerprint, files: $0.files) })
  }

  /// Whether it is for nothing but drift.
  package var isMending: Bool { certificates.allSatisfy { $0.cause?.drift != nil } }

  /// Whether the host would go back to a certificate that nobody should serve any more.
  package func hasNoWayBack(at moment: Date) -> Bool {
    certificates.contains { certificate in
      certificate.replaces.map { moment >= $0.servesUntil && $0.generation != certificate.generation }
        ?? false
    }
  }

  /// The visit that takes the host back to what it had; `nil` where that is nothing, or would not be valid.
  package func back(at moment: Date) -> PlannedVisit? {
    let former = certificates.compactMap { $0.back(at: moment) }
    return former.isEmpty ? nil : PlannedVisit(host: host, certificates: former)
  }
}

extension PlannedVisit {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    host = try values.decode(Host.self, forKey: .host)
    certificates = try values.decode([PlannedCertificate].self, forKey: .certificates)
    wasUnreachable = try values.decodeIfPresent(Bool.self, forKey: .wasUnreachable) ?? false
  }
}

extension PlannedWave: Codable {
  private enum CodingKeys: String, CodingKey { case rule, visits }

  /// A bare list of visits, where it was stored before waves had rules of their own.
  package init(from decoder: any Decoder) throws {
    guard let values = try? decoder.container(keyedBy: CodingKeys.self) else {
      self.init(try [PlannedVisit](from: decoder))
      return
    }
    self.init(
      try values.decode([PlannedVisit].self, forKey: .visits),
      by: try values.decode(WaveRule.self, forKey: .rule))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(rule, forKey: .rule)
    try values.encode(visits, forKey: .visits)
  }
}
