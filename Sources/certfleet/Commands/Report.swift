import Fleet
import Foundation
import Inventory
import Issuance
import Planning
import Reporting

extension Command {
  static let report = Command(
    words: ["report"], summary: "show which host has which certificate, and how its last visit went",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let report = try await Session(invocation).report()
    Console.standard.result(invocation.has("json") ? try JSONText.encode(report) : report.text)
    return .converged
  }

  static let plan = Command(
    words: ["plan"], summary: "show what run would issue and roll out now; contacts nobody",
    options: [
      Option(name: "only", value: "CERT", help: "only this certificate; may be repeated"),
      Option(name: "json", help: "as JSON"),
    ]
  ) { invocation in
    try await Session(invocation).showPlan(invocation)
    return .converged
  }

  static let rolloutList = Command(
    words: ["rollout", "list"], summary: "show the rollouts, newest first",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let rollouts = try await Session(invocation).store.rollouts().map(RolloutSummary.init)
    Console.standard.result(
      invocation.has("json") ? try JSONText.encode(rollouts) : Listing.rollouts(rollouts, now: Date()))
    return .converged
  }
}

/// What `plan --json` says.
private struct WholePlan: Encodable {
  let issue: [DueList.Listed]
  let rollouts: [Plan]
}

extension Session {
  /// The lineages that `--only` names; `nil` without it.
  func only(_ invocation: Invocation) async throws -> Set<Lineage.Name>? {
    guard let names = invocation.all("only") else { return nil }
    var only: Set<Lineage.Name> = []
    for name in names { only.formUnion(try await issuable(named: name).map(\.name)) }
    return only
  }

  func showPlan(_ invocation: Invocation) async throws {
    let only = try await only(invocation)
    let plans = Planner.plans(for: try await snapshot(only: only), at: Date())
    if !invocation.has("json"), let warning = try await unpinnedWarning() {
      Console.standard.say("certfleet: \(warning)")
    }
    let lineages = try await issuable().filter { only?.contains($0.name) ?? true }
    let due = try await DueList(lineages, request: only == nil ? .due : .dueNow, store: store, now: Date())
    if invocation.has("json") {
      return Console.standard.result(try JSONText.encode(WholePlan(issue: due.listed, rollouts: plans)))
    }
    Console.standard.result(due.text + plans.map(\.text).joined(separator: "\n"))
    if plans.isEmpty, due.isEmpty { Console.standard.result("nothing to do\n") }
  }

  func report() async throws -> FleetReport {
    FleetReport(
      generatedAt: Date(), standings: try await store.standings(),
      lastRollout: try await store.rollouts().first.map(RolloutSummary.init))
  }
}
