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
    let unpinned = try await unpinnedHosts()
    var plan = request.plan
    plan.leftOut = Set(unpinned)
    let planned = Planner.plan(
      on: try await store.planningSnapshot(only: request.only), for: plan, at: Date())
    let asked = request.issues ? try await issuable().filter { request.only?.contains($0.name) ?? true } : []
    let useless = try await useless(of: asked, without: plan.leftOut)
    let lineages = asked.filter { !useless.contains($0) }
    let waiting = useless.map {
      ListedDue($0.name, .wait, "nothing is ordered: none of its hosts can be visited, no host key is pinned")
    }
    let due = try await DueCertificates(
      lineages, urgency: request.only == nil ? .due : .dueNow, store: store, now: Date())
    return PlanPreview(
      issue: due.listed + waiting, rollouts: planned.plans, deferred: planned.deferred,
      checked: checks ? try await check(planned.plans.flatMap(\.visits)) : nil, ahead: planned.ahead,
      unpinned: unpinned, open: try await store.openRollouts().map { ($0.id, $0.state) })
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
