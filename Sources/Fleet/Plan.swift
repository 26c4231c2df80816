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
  public var files: [FileInstallation]
  public var hooks: Hooks
  public var verify: [Verification]
  /// What the host serves until then, as far as it is known: what it must serve again after a revert.
  public var replaces: Fingerprint?
  /// Whether the host has had it and goes back to it, so that its key is not sent again.
  public var isReturn: Bool

  public init(
    lineage: Lineage.Name, generation: Generation, fingerprint: Fingerprint, domains: [String],
    files: [FileInstallation] = [], hooks: Hooks, verify: [Verification], replaces: Fingerprint? = nil,
    isReturn: Bool = false
  ) {
    self.lineage = lineage
    self.generation = generation
    self.fingerprint = fingerprint
    self.domains = domains
    self.files = files
    self.hooks = hooks
    self.verify = verify
    self.replaces = replaces
    self.isReturn = isReturn
  }
}

extension PlannedCertificate {
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    lineage = try values.decode(Lineage.Name.self, forKey: .lineage)
    generation = try values.decode(Generation.self, forKey: .generation)
    fingerprint = try values.decode(Fingerprint.self, forKey: .fingerprint)
    domains = try values.decode([String].self, forKey: .domains)
    // Plans that were stored before these were have neither.
    files = try values.decodeIfPresent([FileInstallation].self, forKey: .files) ?? []
    hooks = try values.decode(Hooks.self, forKey: .hooks)
    verify = try values.decode([Verification].self, forKey: .verify)
    replaces = try values.decodeIfPresent(Fingerprint.self, forKey: .replaces)
    isReturn = try values.decodeIfPresent(Bool.self, forKey: .isReturn) ?? false
  }
}
