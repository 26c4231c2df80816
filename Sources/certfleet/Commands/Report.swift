import Fleet
import Foundation
import Issuance
import Planning
import Reporting
import Storage

extension Command {
  static let report = Command(
    words: ["report"], summary: "show which host has which certificate, and how its last visit went",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let report = try await Session(invocation).report()
    Console.standard.result(invocation.has("json") ? try JSONText.encode(report, as: .report) : report.text)
    return .converged
  }

  static let plan = Command(
    words: ["plan"],
    summary: "show what run would issue and roll out now; without --check it contacts nobody",
    options: [
      Option(name: "only", value: "CERT", help: "only this certificate; may be repeated"),
      Option(name: "check", help: "look at every host, too, whether it has all that its visit needs"),
      Option(name: "json", help: "as JSON"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let only = try await session.only(invocation)
    return try await session.showPlan(
      invocation, for: FleetRun.Errand(only: only, request: PlanRequest(ignoresPauses: only != nil)))
  }
}

/// What `plan --json` says.
private struct WholePlan: Encodable {
  let issue: [DueList.Listed]
  let rollouts: [Plan]
  let held: [PlanningResult.DeferredHost]
  /// With `--check`.
  let checked: [CheckedHost]?
}

extension Session {
  /// The lineages that `--only` names; `nil` without it.
  func only(_ invocation: Invocation) async throws -> Set<Lineage.Name>? {
    guard let names = invocation.all("only") else { return nil }
    var only: Set<Lineage.Name> = []
    for name in names { only.formUnion(try await issuable(named: name).map(\.name)) }
    return only
  }

  /// - Returns: what the hosts' preflight said, where it was asked for.
  @discardableResult
  func showPlan(_ invocation: Invocation, for errand: FleetRun.Errand) async throws -> ExitCode {
    let result = Planner.plan(
      on: try await store.planningSnapshot(only: errand.only), for: errand.request, at: Date())
    for line in AheadHosts.lines(of: result.ahead) { Console.standard.say("certfleet: \(line)") }
    if !invocation.has("json"), let warning = try await unpinnedWarning() {
      Console.standard.say("certfleet: \(warning)")
    }
    let lineages = errand.issues ? try await issuable().filter { errand.only?.contains($0.name) ?? true } : []
    let due = try await DueList(
      lineages, request: errand.only == nil ? .due : .dueNow, store: store, now: Date())
    let checked =
      invocation.has("check") ? try await check(result.plans.flatMap(\.visits), invocation) : nil
    let code = checked?.exitCode ?? .converged
    if invocation.has("json") {
      let plan = WholePlan(
        issue: due.listed, rollouts: result.plans, held: result.held, checked: checked)
      Console.standard.result(try JSONText.encode(plan, as: .plan))
      return code
    }
    let open = try await store.openRollouts().map {
      "rollout \($0.id) is \($0.state.words), and goes first\n"
    }
    let held = HeldHosts.groups(of: result.held).map { $0.text + "\n" }
    let text = open.joined() + due.text + result.plans.map(\.text).joined(separator: "\n") + held.joined()
    Console.standard.result(text.isEmpty ? "nothing to do\n" : text)
    if let checked, !checked.isEmpty { Console.standard.result("\n" + Listing.checks(checked)) }
    return code
  }

  func report() async throws -> FleetReport {
    FleetReport(
      generatedAt: Date(), standings: try await store.standings(),
      lastRollout: try await store.rollouts(limit: 1).first)
  }
}
