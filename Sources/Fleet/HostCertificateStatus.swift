package import FoundationEssentials

/// What one host has of one lineage, beside what it should have: a row of the report.
package struct HostCertificateStatus: Hashable, Sendable, Codable {
  package var host: Host.Name
  package var lineage: Lineage.Name
  /// The newest generation issued; `nil` when none is yet.
  package var wanted: Generation?
  /// The generation that is active on the host; `nil` when none is known to be.
  package var active: Generation?
  package var activeSince: Date?
  /// Whether the visit that made it active ended well.
  package var isKept: Bool
  package var fingerprint: Fingerprint?
  package var expires: Date?
  /// The latest visit's end, when, why, and in which rollout.
  package var lastEnd: VisitEnd?
  package var lastAt: Date?
  package var lastReason: String
  package var lastRollout: Rollout.ID?
  /// When all of it was last seen to be as it should be, on disk and where it is served; `nil` for never.
  package var seenAt: Date?
  /// How what was seen last differs.
  package var drift: Drift.Kind?
  package var driftDetail: String?
  /// When that was seen first.
  package var driftedAt: Date?

  private enum CodingKeys: String, CodingKey {
    case host, lineage, wanted, active, fingerprint, expires
    case activeSince = "active_since"
    case isKept = "is_kept"
    case lastEnd = "last_end"
    case lastAt = "last_at"
    case lastReason = "last_reason"
    case lastRollout = "last_rollout"
    case seenAt = "seen_at"
    case drift
    case driftDetail = "drift_detail"
    case driftedAt = "drifted_at"
  }

  package init(
    host: Host.Name, lineage: Lineage.Name, wanted: Generation?, active: Generation?, activeSince: Date?,
    isKept: Bool,
    fingerprint: Fingerprint?, expires: Date?, lastEnd: VisitEnd?, lastAt: Date?, lastReason: String,
    lastRollout: Rollout.ID?, seenAt: Date? = nil, drift: Drift? = nil, driftedAt: Date? = nil
  ) {
    self.host = host
    self.lineage = lineage
    self.wanted = wanted
    self.active = active
    self.activeSince = activeSince
    self.isKept = isKept
    self.fingerprint = fingerprint
    self.expires = expires
    self.lastEnd = lastEnd
    self.lastAt = lastAt
    self.lastReason = lastReason
    self.lastRollout = lastRollout
    self.seenAt = seenAt
    self.drift = drift?.kind
    driftDetail = drift?.detail
    self.driftedAt = driftedAt
  }

  /// Whether the host has the newest certificate, and the visit that brought it did not end badly.
  package var isConverged: Bool {
    wanted != nil && wanted == active && isKept && lastEnd?.account != .failure && lastEnd != .placed
      && drift == nil
  }
}
