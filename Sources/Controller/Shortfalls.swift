import Fleet
import FoundationEssentials
import Issuance
import Reporting
import Storage

extension Controller {
  /// A timer runs every hour: what ends before is not replaced in time.
  private static let timeToNextRun = 3600.0
  /// A renewal that has been due for longer was not made by the runs since.
  private static let patienceWithRenewals = 7200.0

  /// Everything by which certificates are not as they should be, beside what hosts lack.
  func shortfalls(_ statuses: [HostCertificateStatus], now: Date) async throws -> [CertificateShortfall] {
    let lineages = try await issuable()
    let newest = try await store.newestCertificates()
    // What others have made is looked at by runs: to read thousands of files takes longer than a person waits for a report.
    let ordered = Set(try await store.declaration().issuers.filter { $0.acme != nil }.map(\.name))
    let due = try await DueCertificates(
      lineages.filter { ordered.contains($0.issuer) }, urgency: .due, store: store, now: now)
    let toDo = Set(due.orders.map(\.lineage.name) + due.heldBack.map(\.lineage))
    let deployed = Set(statuses.lazy.map(\.lineage))
    let soon = now.addingTimeInterval(Self.timeToNextRun)
    let ending = Dictionary(
      grouping: statuses.filter { $0.expires.map { $0 < soon } ?? false }, by: \.lineage)
    var shortfalls: [CertificateShortfall] = []
    let issuers = try await store.declaration().issuers
    for lineage in lineages {
      if let origin = newest[lineage.name]?.origin,
        let standIn = issuers.first(where: {
          lineage.standIns.contains($0.name) && $0.acme?.directory == origin.directory
        }), issuers.first(where: { $0.name == lineage.issuer })?.acme?.directory != origin.directory
      {
        shortfalls.append(.fromStandIn(lineage.name, standIn.name, insteadOf: lineage.issuer))
      }
      if let ending = ending[lineage.name], let end = ending.compactMap(\.expires).min() {
        shortfalls.append(.ended(lineage.name, ending.map(\.host), end))
      }
      let names = Set(newest[lineage.name]?.names ?? lineage.domains)
      let missing = lineage.domains.filter { !names.contains($0) }
      if !missing.isEmpty, !toDo.contains(lineage.name) {
        shortfalls.append(.lacksNames(lineage.name, missing))
      }
      if deployed.contains(lineage.name), lineage.deployments.contains(where: \.verify.isEmpty) {
        shortfalls.append(.unverified(lineage.name))
      }
    }
    if let unseen = try await unseen(statuses, now: now) { shortfalls.append(unseen) }
    let failing = try await failingRenewals(
      of: lineages.filter { toDo.contains($0.name) }, newest, issuers, now: now)
    for (lineage, why) in due.heldBack where failing[lineage] == nil {
      shortfalls.append(.notIssued(lineage, why: why.words(for: lineage)))
    }
    shortfalls += failing.sorted { $0.key < $1.key }.map(\.value)
    for order in due.orders where failing[order.lineage.name] == nil {
      guard case .time(let since, _)? = order.reason,
        now.timeIntervalSince(since) > Self.patienceWithRenewals
      else { continue }
      shortfalls.append(.overdue(order.lineage.name, since: since))
    }
    return shortfalls
  }

  /// Those whose next certificate could not be ordered when that was tried last.
  ///
  /// - Parameter lineages: which are due.
  private func failingRenewals(
    of lineages: [Lineage], _ newest: [Lineage.Name: Certificate],
    _ issuers: [Issuer], now: Date
  ) async throws -> [Lineage.Name: CertificateShortfall] {
    let backoffs = try await store.orderBackoffs()
    guard !backoffs.isEmpty else { return [:] }
    let advice = try await store.renewalAdvice()
    let directories = Dictionary(
      issuers.compactMap { issuer in issuer.acme.map { (issuer.name, $0.directory) } },
      uniquingKeysWith: { $1 })
    var failing: [Lineage.Name: CertificateShortfall] = [:]
    for lineage in lineages {
      guard let newest = newest[lineage.name], newest.notAfter > now,
        let directory = directories[lineage.issuer], let backoff = backoffs[lineage.name]?[directory]
      else { continue }
      let due = newest.renewalMoment(advised: advice[lineage.name])
      let half = due.addingTimeInterval(newest.notAfter.timeIntervalSince(due) / 2)
      failing[lineage.name] = .renewalFails(lineage.name, backoff, isUrgent: now > half)
    }
    return failing
  }

  private func unseen(_ statuses: [HostCertificateStatus], now: Date) async throws -> CertificateShortfall? {
    let declared = try await store.declaration()
    let shortest =
      ([.standard] + declared.hosts.compactMap(\.lookEvery) + declared.policies.compactMap(\.lookEvery))
      .compactMap(\.seconds).min() ?? 0
    func isRecent(_ moment: Date) -> Bool { now.timeIntervalSince(moment) <= shortest * 2 }
    // Which policies a host is under takes a while to find out for thousands.
    let old = Set(statuses.filter { !($0.seenAt.map(isRecent) ?? false) }.map(\.host))
    let patience = Dictionary(
      declared.hosts.filter { old.contains($0.name) }.map {
        ($0.name, Self.lookInterval(of: $0, declared).seconds)
      },
      uniquingKeysWith: { $1 })
    // What a visit has found a moment ago is told as such.
    func hasJustFailed(_ status: HostCertificateStatus) -> Bool {
      status.lastEnd?.account == .failure && status.lastAt.map(isRecent) ?? false
    }
    let unseen = statuses.filter { status in
      // One that is placed is told as such.
      guard status.active != nil, status.lastEnd != .placed, !hasJustFailed(status),
        let seconds = patience[status.host] ?? nil
      else {
        return false
      }
      return status.seenAt.map { now.timeIntervalSince($0) > seconds * 2 } ?? (status.drift == nil)
    }
    guard !unseen.isEmpty else { return nil }
    let moments = unseen.map(\.seenAt)
    return .unseen(
      Set(unseen.map(\.host)).sorted(), since: moments.contains(nil) ? nil : moments.compactMap { $0 }.min())
  }
}
