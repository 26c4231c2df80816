package import FoundationEssentials

/// One certificate as it goes to one host.
///
/// It rests in stored plans for good: what is said anew must let the old ones be read.
package struct PlannedCertificate: Hashable, Sendable, Codable {
  package var lineage: Lineage.Name
  package var generation: Generation
  package var fingerprint: Fingerprint
  /// Stands for the fingerprint of one that is to be issued first.
  package static let notIssued: Fingerprint = "-"
  package var domains: [String]
  package var files: [FileInstallation]
  package var layout: KeyLayout?
  package var hooks: Hooks
  package var verify: [Verification]
  /// What the host serves until then, as far as it is known: what it must serve again after a revert.
  package var replaces: Former?
  /// Whether the host has had it and goes back to it, so that its key is not sent again.
  package var isReturn: Bool
  /// Why it goes there.
  package var cause: Cause?
  /// When what the host has until then is no good any more.
  package var deadline: Date?
  /// Whether what is in its place, and is not certfleet's, may be replaced.
  package var replacesOthers = false

  /// A certificate that a host has before a visit.
  package struct Former: Hashable, Sendable, Codable {
    package var generation: Generation
    package var fingerprint: Fingerprint
    /// From when on nobody should serve it: it is revoked, or has expired.
    package var servesUntil: Date

    private enum CodingKeys: String, CodingKey {
      case generation, fingerprint
      case servesUntil = "serves_until"
    }

    package init(generation: Generation, fingerprint: Fingerprint, servesUntil: Date) {
      self.generation = generation
      self.fingerprint = fingerprint
      self.servesUntil = servesUntil
    }
  }

  package enum Cause: String, Hashable, Sendable, Codable, CaseIterable {
    /// The host has none of this lineage.
    case first
    /// The host has an older generation, or one that was gone back from.
    case generation
    /// The host has the generation, and `files` were declared otherwise since.
    case files
    /// A person wants it pushed again.
    case forced
    /// A person wants its hooks to run again.
    case hooks
    /// What was seen there is not what the host was brought to.
    case gone, older, other, damaged
    /// It is to be taken away.
    case retired
    /// certbot's own is to come back in its place, with what the host has as its newest.
    case givenBack = "given_back"
    /// Its hooks are to run again, so that what is on disk is served.
    case notServed = "not_served"

    package init(_ drift: Drift.Kind) {
      self =
        switch drift {
        case .gone: .gone
        case .older: .older
        case .other: .other
        case .damaged: .damaged
        case .notServed: .notServed
        }
    }

    /// Of one that mends drift.
    package var drift: Drift.Kind? { Drift.Kind(rawValue: rawValue) }
  }

  private enum CodingKeys: String, CodingKey {
    case lineage, generation, fingerprint, domains, files, layout, hooks, verify, replaces, cause, deadline
    case isReturn = "is_return"
    case replacesOthers = "replaces_others"
  }

  package init(
    lineage: Lineage.Name, generation: Generation, fingerprint: Fingerprint, domains: [String],
    files: [FileInstallation] = [], layout: KeyLayout? = nil, hooks: Hooks, verify: [Verification],
    replaces: Former? = nil, isReturn: Bool = false, cause: Cause? = nil, deadline: Date? = nil
  ) {
    self.lineage = lineage
    self.generation = generation
    self.fingerprint = fingerprint
    self.domains = domains
    self.files = files
    self.layout = layout
    self.hooks = hooks
    self.verify = verify
    self.replaces = replaces
    self.isReturn = isReturn
    self.cause = cause
    self.deadline = deadline
  }

  /// Whether it is to be taken away from the host: its link, its further files, and what is kept of it with the keys.
  package var isRetired: Bool { cause == .retired || isGivenBack }
  package var isGivenBack: Bool { cause == .givenBack }

  /// The same, to be taken away. The hooks before it run first; of those that deploy it only ready-made ones run, after it: they test what
  /// is left of the service's configuration, and a command of the user's own would look for files that are gone.
  package func retired(
    _ generation: Generation, _ fingerprint: Fingerprint, files: [FileInstallation],
    as cause: Cause = .retired
  ) -> PlannedCertificate {
    var retired = PlannedCertificate(
      lineage: lineage, generation: generation, fingerprint: fingerprint, domains: domains, files: files,
      hooks: Hooks(
        pre: hooks.retire, deploy: hooks.deploy.filter(\.isReadyMade), isCoalesced: hooks.isCoalesced),
      verify: verify.filter(\.isOfEndpoint))
    retired.cause = cause
    return retired
  }

  /// What is wanted, without what was there before and why it goes there.
  package var essence: PlannedCertificate {
    var essence = self
    (essence.replaces, essence.isReturn, essence.cause, essence.deadline) = (nil, false, nil, nil)
    essence.replacesOthers = false
    return essence
  }

  func back(at moment: Date) -> PlannedCertificate? {
    guard let replaces, replaces.generation != generation, replaces.generation > Generation(0),
      moment < replaces.servesUntil
    else { return nil }
    var back = self
    (back.generation, back.fingerprint, back.isReturn) = (replaces.generation, replaces.fingerprint, true)
    // Where going back does not work either, the host is where it was.
    back.replaces = Former(generation: generation, fingerprint: fingerprint, servesUntil: .distantFuture)
    return back
  }
}

extension PlannedCertificate {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    lineage = try values.decode(Lineage.Name.self, forKey: .lineage)
    generation = try values.decode(Generation.self, forKey: .generation)
    fingerprint = try values.decode(Fingerprint.self, forKey: .fingerprint)
    domains = try values.decode([String].self, forKey: .domains)
    files = try values.decodeIfPresent([FileInstallation].self, forKey: .files) ?? []
    layout = try values.decodeIfPresent(KeyLayout.self, forKey: .layout)
    hooks = try values.decode(Hooks.self, forKey: .hooks)
    verify = try values.decode([Verification].self, forKey: .verify)
    isReturn = try values.decodeIfPresent(Bool.self, forKey: .isReturn) ?? false
    cause = try values.decodeIfPresent(Cause.self, forKey: .cause)
    deadline = try values.decodeIfPresent(Date.self, forKey: .deadline)
    replacesOthers = try values.decodeIfPresent(Bool.self, forKey: .replacesOthers) ?? false
    if let former = try? values.decodeIfPresent(Former.self, forKey: .replaces) {
      replaces = former
    } else {
      // Of what was replaced only the fingerprint was kept once: enough to look for it, too little to go back to it.
      replaces = try values.decodeIfPresent(Fingerprint.self, forKey: .replaces).map {
        Former(generation: Generation(0), fingerprint: $0, servesUntil: .distantFuture)
      }
    }
  }
}
