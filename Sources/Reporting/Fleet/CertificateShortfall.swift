package import Fleet
package import FoundationEssentials

/// Why a certificate is not as it should be, or nobody has seen that it is, beside what hosts lack.
package enum CertificateShortfall: Hashable, Sendable {
  /// Hosts have one that has ended, or ends before the next run could replace it.
  case ended(Lineage.Name, [Host.Name], Date)
  /// Its renewal has been due since then.
  case overdue(Lineage.Name, since: Date)
  case notIssued(Lineage.Name, why: String)
  /// There is one, and an order of the next has failed; urgent when more than half of the time for it has gone by.
  case renewalFails(Lineage.Name, OrderBackoff, isUrgent: Bool)
  /// Hosts were taken back to one that lacks names which are declared.
  case lacksNames(Lineage.Name, [String])
  /// Hosts that nobody has looked at for twice as long as declared, and since when not the longest of them.
  case unseen([Host.Name], since: Date?)
  /// It came from another issuer than the first, which could not issue it then.
  case fromStandIn(Lineage.Name, Issuer.Name, insteadOf: Issuer.Name)
  /// No `verify` is declared: nobody looks at what is served.
  case unverified(Lineage.Name)

  /// Whether a person must act, or a certificate will not serve.
  package var isSerious: Bool {
    switch self {
    case .ended, .overdue, .notIssued, .unseen: true
    case .renewalFails(_, _, let isUrgent): isUrgent
    case .lacksNames, .unverified, .fromStandIn: false
    }
  }

  /// Whether nobody need do anything about it for now.
  package var isNote: Bool {
    switch self {
    case .ended, .overdue, .notIssued, .renewalFails, .unseen: false
    case .lacksNames, .unverified, .fromStandIn: true
    }
  }

  /// Unverified certificates in one line, each other in its own.
  package static func lines(of shortfalls: [CertificateShortfall], now: Date) -> [String] {
    let unverified = shortfalls.compactMap {
      if case .unverified(let name) = $0 { name.rawValue } else { nil }
    }
    let others = shortfalls.compactMap { $0.line(now: now) }
    guard !unverified.isEmpty else { return others }
    let shown = unverified.prefix(3).joined(separator: ", ")
    let more = unverified.count > 3 ? " and \(unverified.count - 3) more" : ""
    return others + ["nobody looks at what is served of \(shown)\(more): no 'verify' is declared"]
  }

  private func line(now: Date) -> String? {
    switch self {
    case .ended(let lineage, let hosts, let end):
      "\(lineage): \(HostSet.folded(hosts)) \(hosts.count == 1 ? "has" : "have") a certificate that \(end <= now ? "has ended" : "ends") (\(end.ISO8601Format())); see: \(Remedy.showCertificate(lineage.declared))"
    case .overdue(let lineage, let since):
      "\(lineage): its renewal is due since \(since.ISO8601Format()); see: \(Remedy.showCertificate(lineage.declared))"
    case .notIssued(let lineage, let why): "\(lineage): not issued: \(why.visible.shortened(to: 300))"
    case .renewalFails(let lineage, let backoff, _):
      "\(lineage): \(backoff.failedRenewal), tried again from \(backoff.retryAt.ISO8601Format()): \(backoff.reason.visible.shortened(to: 300)); at once: \(Remedy.issue(lineage.declared))"
    case .lacksNames(let lineage, let names):
      "\(lineage): hosts went back to one without \(names.prefix(5).joined(separator: ", ").visible); renew it: \(Remedy.renew(lineage.declared))"
    case .unseen(let hosts, let since):
      "\(HostSet.folded(hosts)) \(hosts.count == 1 ? "was" : "were") not seen\(since.map { " since \($0.ISO8601Format())" } ?? " yet"), so nobody knows what is there; look: \(Remedy.look)"
    case .fromStandIn(let lineage, let issuer, let first):
      "\(lineage): is from \(issuer), as \(first) could not issue it; the next renewal is \(first)'s again"
    case .unverified: nil
    }
  }
}

extension OrderBackoff {
  /// How often a renewal was not made.
  var failedRenewal: String { "its renewal has failed\(failures == 1 ? "" : " \(failures) times")" }
}
