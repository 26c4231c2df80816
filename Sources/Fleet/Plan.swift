/// What one rollout will do, frozen: the hosts in their waves, and for each host the certificates and hooks.
public struct Plan: Hashable, Sendable, Codable {
  public var policy: RolloutPolicy
  /// In the order in which they go; never empty, and no wave is empty.
  public var waves: [[PlannedVisit]]

  public init(policy: RolloutPolicy, waves: [[PlannedVisit]]) {
    self.policy = policy
    self.waves = waves
  }

  public var visits: [PlannedVisit] { waves.flatMap(\.self) }
  public var hostCount: Int { waves.reduce(0) { $0 + $1.count } }
}

/// One host's part: all its due certificates in one SSH session.
public struct PlannedVisit: Hashable, Sendable, Codable {
  public var host: Host
  public var certificates: [PlannedCertificate]

  public init(host: Host, certificates: [PlannedCertificate]) {
    self.host = host
    self.certificates = certificates
  }
}

/// One certificate as it goes to one host.
public struct PlannedCertificate: Hashable, Sendable, Codable {
  public var lineage: Lineage.Name
  public var generation: Generation
  public var fingerprint: Fingerprint
  public var domains: [String]
  public var hooks: Hooks
  public var verify: [Verification]
  /// What the host serves until then, as far as it is known: what it must serve again after a revert.
  public var replaces: Fingerprint?

  public init(
    lineage: Lineage.Name, generation: Generation, fingerprint: Fingerprint, domains: [String],
    hooks: Hooks, verify: [Verification], replaces: Fingerprint? = nil
  ) {
    self.lineage = lineage
    self.generation = generation
    self.fingerprint = fingerprint
    self.domains = domains
    self.hooks = hooks
    self.verify = verify
    self.replaces = replaces
  }
}
