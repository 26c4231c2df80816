package import FoundationEssentials

/// A host that is not what it should be and is left alone until later.
package struct DeferredHost: Hashable, Sendable, Codable {
  package var policy: RolloutPolicy.Name
  package var host: Host.Name
  /// `nil`: until a person says so, or something else is wanted.
  package var until: Date?
  package var reason: String
  /// How its last visit ended.
  package var end: VisitEnd
  package var rollout: Rollout.ID
  /// Whether the other hosts of the policy wait for it.
  package var holdsPolicy: Bool

  private enum CodingKeys: String, CodingKey {
    case policy, host, until, reason, end, rollout
    case holdsPolicy = "holds_policy"
  }

  package init(_ host: Host.Name, under policy: RolloutPolicy.Name, by backoff: HostBackoff) {
    self.policy = policy
    self.host = host
    until = backoff.end == .skipped ? nil : backoff.retryAt
    reason = backoff.reason
    end = backoff.end
    rollout = backoff.rollout
    holdsPolicy = backoff.hasHaltedRollout && backoff.end != .skipped
  }
}

/// A host that has a newer certificate than any that is stored here.
package struct HostAhead: Hashable, Sendable, Codable {
  package var host: Host.Name
  package var lineage: Lineage.Name
  package var has: Generation
  /// What it would be taken back to.
  package var newest: Generation
  /// Until when it is good, where it was seen and its key is there.
  package var until: Date?

  package init(
    host: Host.Name, lineage: Lineage.Name, has: Generation, newest: Generation, until: Date? = nil
  ) {
    self.until = until
    self.host = host
    self.lineage = lineage
    self.has = has
    self.newest = newest
  }
}
