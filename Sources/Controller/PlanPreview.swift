import Connections
import Fleet
import FoundationEssentials
import Issuance
import Planning
package import Reporting
import Storage

extension Controller {
  /// What a run would do now; it changes nothing.
  ///
  /// - Parameter checks: whether every host is looked at, too, for all that its visit needs; else nobody is contacted.
  package func preview(_ request: RunRequest, checks: Bool = false) async throws -> PlanPreview {
    let hosts = try await visitableHosts(for: request)
    var plan = request.plan
    plan.leftOut = hosts.plannedWithout
    let now = Date()
    var snapshot = try await store.planningSnapshot(only: request.only)
    let asked = request.issues ? try await issuable().filter { request.only?.contains($0.name) ?? true } : []
    var due = try await DueCertificates(
      asked, urgency: request.only == nil ? .due : .dueNow, store: store, now: now)
    hosts.hold(&due, hosts: try await store.hosts())
    // Where it will go is seen before it is ordered.
    let latest = try await store.latestCertificates()
    for lineage in due.orders.map(\.lineage) + due.imports.map(\.lineage) {
      snapshot.newest[lineage.name] = .expected(of: lineage, after: latest[lineage.name], now: now)
    }
    let planned = Planner.plan(on: snapshot, for: plan, at: now)
    let connector = try await connector()
    return PlanPreview(
      issue: due.listed, rollouts: planned.plans, deferred: planned.deferred,
      checked: checks ? try await check(planned.plans.flatMap(\.visits), in: snapshot) : nil,
      ways: HostsByWay.groups(
        of: planned.plans.lazy.flatMap(\.waves).flatMap(\.visits).map(\.host), connector.way),
      ahead: planned.ahead, drifted: planned.drifted,
      leftOut: hosts.leftOut, open: try await store.openRollouts().map { ($0.id, $0.state) })
  }
}

extension Certificate {
  /// One that is not issued yet.
  fileprivate static func expected(of lineage: Lineage, after latest: Certificate?, now: Date) -> Certificate
  {
    Certificate(
      lineage: lineage.name, generation: latest?.generation.next ?? Generation(1),
      fingerprint: PlannedCertificate.notIssued, serial: "", names: lineage.domains, notBefore: now,
      notAfter: .distantFuture, issuedAt: now)
  }
}

extension DueCertificates {
  /// A line for each certificate.
  package var listed: [ListedDue] {
    orders.map { ListedDue($0.lineage.name, .order, $0.words) }
      + imports.map { ListedDue($0.lineage.name, .take, "\($0.reason)") }
      + heldBack.map { ListedDue($0.lineage, .wait, $0.why.words(for: $0.lineage)) }
      + warnings.map { ListedDue($0.lineage, .warn, $0.why.words(for: $0.lineage)) }
  }
}
