package import FoundationEssentials

/// What is stored of what was seen last.
package struct Observation: Hashable, Sendable {
  /// When the files were seen to be as they should be.
  package var diskAt: Date?
  /// When the endpoints were seen to serve it.
  package var servedAt: Date?
  /// When anything was seen, good or not.
  package var lookedAt: Date?
  /// Why the last look saw nothing; empty where it saw.
  package var failure: String
  package var drift: OpenDrift?

  package init(
    diskAt: Date? = nil, servedAt: Date? = nil, lookedAt: Date? = nil, failure: String = "",
    drift: OpenDrift? = nil
  ) {
    self.lookedAt = lookedAt
    self.diskAt = diskAt
    self.servedAt = servedAt
    self.failure = failure
    self.drift = drift
  }

  /// Since when nobody has seen all of it.
  ///
  /// - Parameter hasEndpoints: whether there are any that are asked.
  package func seenAt(hasEndpoints: Bool) -> Date? {
    guard hasEndpoints else { return diskAt }
    guard let diskAt, let servedAt else { return nil }
    return min(diskAt, servedAt)
  }

  /// What a look adds to what was known.
  package func taking(_ sighting: Sighting) -> Observation {
    var next = self
    if sighting.disk == .good { next.diskAt = sighting.at }
    if sighting.endpoints == .good { next.servedAt = sighting.at }
    next.failure = sighting.failure ?? ""
    let isOfDisk = drift.map { $0.drift.kind != .notServed } ?? false
    let found = sighting.disk.drift ?? sighting.endpoints.drift
    if let found, sighting.disk.isSeen || !isOfDisk {
      let isNew = drift?.drift.kind != found.kind
      next.drift = OpenDrift(
        found, seenAt: isNew ? sighting.at : drift?.seenAt ?? sighting.at,
        fingerprint: sighting.certificate?.fingerprint, mends: drift?.mends ?? 0)
    } else if isOfDisk ? sighting.disk == .good : sighting.endpoints == .good {
      next.drift = nil
    }
    return next
  }
}
