import Connections
package import Fleet
package import FoundationEssentials
import Issuance
import Planning
package import Reporting
package import Storage

/// What is stored, as the values that reports are made of.
extension Controller {
  /// More than can be open at once.
  private static let rolloutsLookedAt = 20

  /// - Parameter now: at which moment; certificates end by themselves.
  package func report(_ filter: ReportFilter = ReportFilter(), now: Date = Date()) async throws -> FleetReport
  {
    let all = try await store.statuses()
    let choice = try await choice(filter)
    let shortfalls = try await shortfalls(all, now: now).compactMap {
      $0.only(choice.lineages, on: choice.hosts)
    }
    let unseen = Set(shortfalls.flatMap(\.unseenHosts))
    let statuses =
      filter.isAll
      ? all
      : all.filter { status in
        choice.has(status.lineage, on: status.host) && filter.state?.has(status, unseen: unseen) ?? true
      }
    let shown = filter.isAll ? nil : Set(statuses.map(\.lineage.declared))
    var report = FleetReport(
      generatedAt: now, statuses: statuses,
      certificates: try await listCertificates().filter { shown?.contains($0.lineage.name.declared) ?? true },
      rollouts: try await listRollouts(limit: Self.rolloutsLookedAt, now: now).filter { rollout in
        choice.lineages.map { $0.isSuperset(of: rollout.certificates.map(\.declared)) } ?? true
      },
      unpinned: try await unpinnedHosts().filter { choice.hosts?.contains($0) ?? true },
      runs: try await store.runMoments(),
      shortfalls: shortfalls)
    report.isPart = !filter.isAll
    return report
  }

  package func listHosts() async throws -> [ListedHost] {
    let pinned = try await store.pinnedKeys()
    let statuses = Dictionary(grouping: try await store.statuses(), by: \.host)
    return try await store.hosts().map {
      ListedHost(host: $0, pinned: pinned[$0.name] ?? [], statuses: statuses[$0.name] ?? [])
    }
  }

  package func hostDetails(_ name: String) async throws -> HostDetails {
    let host = try await hosts(named: [name])[0]
    return HostDetails(
      host: host, way: try await connector().way(to: host),
      pinned: try await store.pinnedKeys()[host.name] ?? [],
      statuses: try await store.statuses().filter { $0.host == host.name })
  }

  package func listCertificates() async throws -> [ListedCertificate] {
    let newest = try await store.newestCertificates()
    let advice = try await store.renewalAdvice()
    let ordered = Set(try await store.declaration().issuers.filter { $0.acme != nil }.map(\.name))
    return try await issuable().map { lineage in
      ListedCertificate(
        lineage: lineage, newest: newest[lineage.name],
        renewal: ordered.contains(lineage.issuer)
          ? newest[lineage.name]?.renewalMoment(advised: advice[lineage.name]) : nil)
    }
  }

  /// All about what a certificate's name stands for.
  package func certificateDetails(_ name: String) async throws -> [CertificateDetails] {
    var all: [CertificateDetails] = []
    for lineage in try await issuable(named: name) { all.append(try await details(of: lineage)) }
    return all
  }

  /// Rollouts, newest first, each with what it waits for.
  package func listRollouts(limit: Int = .max, now: Date = Date()) async throws -> [RolloutSummary] {
    var rollouts = try await store.rollouts(limit: limit)
    for index in rollouts.indices where rollouts[index].state == .paused {
      let id = rollouts[index].id
      rollouts[index].wait = RolloutWait(
        of: try await store.rollout(id).plan, at: try await store.ledger(of: id),
        try await store.instructions(for: id), now: now)
    }
    return rollouts
  }

  package func rolloutReport(_ number: Int) async throws -> (report: RolloutReport, plan: Plan) {
    let rollout = try await rollout(number)
    let ledger = try await store.ledger(of: rollout.id)
    let wait = RolloutWait(
      of: rollout.plan, at: ledger, try await store.instructions(for: rollout.id), now: Date())
    // While this process has the lease itself, it tells what a person does next.
    let carrier = ledger.state == .running ? ControllerLease.otherHolder(home: home) : nil
    return (RolloutReport(rollout, ledger, wait: wait, carrier: carrier), rollout.plan)
  }

  /// What happened, oldest first.
  package func log(_ filter: Store.LogFilter) async throws -> [LoggedEvent] {
    if let rollout = filter.rollout { _ = try await self.rollout(rollout.number) }
    let events = try await store.events(filter)
    if events.isEmpty, let host = filter.host {
      let known = try await store.hosts().map(\.name)
      guard known.contains(host) else {
        throw ControllerError.unknown(.host, host.rawValue, among: known.map(\.rawValue))
      }
    }
    return events
  }

  /// Goes on with a log that lacks its end; the log says who did.
  package func acceptLoss(by author: Author) async throws {
    try await leased { try await store.acceptLoss(by: author.name, now: Date()) }
  }

  private func details(of lineage: Lineage) async throws -> CertificateDetails {
    let generations = try await store.certificates(of: lineage.name)
    let advice = try await store.renewalAdvice()[lineage.name]
    let authority = try await store.declaration().issuers.first { $0.name == lineage.issuer }?.acme
    var backoff: OrderBackoff?
    if let authority { backoff = try await store.backoff(of: lineage.name, at: authority.directory) }
    return CertificateDetails(
      lineage: lineage, generations: generations, advice: advice,
      renewal: authority == nil ? nil : generations.last?.renewalMoment(advised: advice),
      backoff: backoff, statuses: try await store.statuses().filter { $0.lineage == lineage.name })
  }
}
