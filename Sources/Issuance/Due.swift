package import Fleet
package import FoundationEssentials

extension Certificate {
  /// Whether it is in the last tenth of its lifetime, or past it: nobody goes back to such a one.
  package func isAboutToEnd(at moment: Date) -> Bool {
    notAfter.timeIntervalSince(moment) < notAfter.timeIntervalSince(notBefore) / 10
  }

  /// When it should be renewed where the CA does not say: after two thirds of its lifetime, or half of it where that
  /// is below ten days.
  package var renewalMoment: Date {
    let lifetime = notAfter.timeIntervalSince(notBefore)
    return notBefore.addingTimeInterval(lifetime < 10 * 86400 ? lifetime / 2 : lifetime * 2 / 3)
  }

  /// When it is to be renewed: the moment chosen in the CA's window, else after its share of the lifetime.
  package func renewalMoment(advised: RenewalAdvice?) -> Date {
    guard let advised, advised.generation == generation, let moment = advised.moment else {
      return renewalMoment
    }
    // However late the CA's window is, there must be time to fail and try again.
    return min(moment, notBefore.addingTimeInterval(notAfter.timeIntervalSince(notBefore) * 0.9))
  }
}

/// Why a new certificate is to be issued.
package enum DueReason: Hashable, Sendable, CustomStringConvertible {
  case first
  case revoked
  /// In the order in which they are declared, and those that are not any more.
  case otherNames(added: [String], removed: [String])
  case otherKey(from: KeyType, to: KeyType)
  case otherCA
  /// Hosts were taken back to an earlier one, and that one has to be replaced in time.
  case standInEnds(Certificate)
  case time(since: Date, isCAs: Bool)

  package var description: String {
    switch self {
    case .first: "there is none yet"
    case .revoked: "the newest is revoked"
    case .otherNames(let added, let removed):
      "its names have changed: \((Self.some(added, "+") + Self.some(removed, "-")).joined(separator: " "))"
    case .otherKey(let former, let wanted):
      "its key type has changed: \(former.rawValue) → \(wanted.rawValue)"
    case .otherCA: "its CA has changed"
    case .standInEnds(let standIn):
      "generation \(standIn.generation), which hosts went back to, ends at \(standIn.notAfter.ISO8601Format())"
    case .time(let since, let isCAs):
      (isCAs ? "the CA wants it renewed from " : "it is due since ") + since.ISO8601Format()
    }
  }

  private static func some(_ names: [String], _ sign: String) -> [String] {
    let most = 5
    return names.prefix(most).map { "\(sign) \($0)" }
      + (names.count > most ? ["\(sign) \(names.count - most) more"] : [])
  }

  /// Whether only the clock says so: a wrong one would renew everything.
  package var isByTime: Bool { if case .time = self { true } else { false } }
}

extension Lineage {
  /// Why a new certificate is to be ordered from an ACME server now; `nil` when none is.
  ///
  /// - Parameters:
  ///   - newest: the latest that was issued.
  ///   - standIn: the one that hosts were taken back to from it.
  ///   - directories: the servers' that the lineage may be ordered from; another one's certificate is replaced, as
  ///     after rehearsals with a staging server.
  package func dueReason(
    newest: Certificate?, standIn: Certificate? = nil, advised: RenewalAdvice?,
    directories: [String], at moment: Date
  ) -> DueReason? {
    guard let newest else { return .first }
    if let standIn, standIn.isAboutToEnd(at: moment) { return .standInEnds(standIn) }
    if newest.revokedAt != nil { return .revoked }
    // Against what was ordered: a CA that adds a name would have it ordered again for ever.
    let ordered = newest.orderedNames ?? newest.names
    if Set(ordered) != Set(domains) {
      return .otherNames(
        added: domains.filter { !ordered.contains($0) }, removed: ordered.filter { !domains.contains($0) })
    }
    // What was stored by an earlier version, or adopted, does not say.
    if let type = newest.keyType, type != key.type { return .otherKey(from: type, to: key.type) }
    if let origin = newest.origin, !directories.contains(origin.directory) { return .otherCA }
    let due = newest.renewalMoment(advised: advised)
    guard due <= moment else { return nil }
    return .time(since: due, isCAs: advised?.generation == newest.generation && advised?.moment == due)
  }

  /// Whether there is too little time left to wait for a CA that cannot: a third of what there was when it became due, or none where
  /// nothing good is there.
  func isPressing(
    _ newest: Certificate?, advised: RenewalAdvice?, _ reason: DueReason?, at moment: Date
  ) -> Bool {
    guard let newest, newest.revokedAt == nil, newest.isValid(at: moment) else { return true }
    let rest = newest.notAfter.timeIntervalSince(newest.renewalMoment(advised: advised))
    return newest.notAfter.timeIntervalSince(moment) < rest / 3
  }
}
