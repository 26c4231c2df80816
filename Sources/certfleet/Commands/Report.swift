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
    words: ["plan"], summary: "show what run would roll out now; contacts nobody",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let session = try Session(invocation)
    let snapshot = try await session.snapshot()
    let plans = Planner.plans(for: snapshot, at: Date())
    if invocation.has("json") {
      Console.standard.result(try JSONText.encode(plans))
      return .converged
    }
    if let warning = try await session.unpinnedWarning() { Console.standard.say("certfleet: \(warning)") }
    let due = snapshot.lineages.filter { $0.needsIssuing(newest: snapshot.newest[$0.name], at: Date()) }
    for lineage in due.map(\.name).sorted() {
      Console.standard.result("\(lineage): a new certificate is to be issued, then rolled out\n")
    }
    Console.standard.result(plans.map(\.text).joined(separator: "\n"))
    if plans.isEmpty, due.isEmpty { Console.standard.result("nothing to do\n") }
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

extension Session {
  func report() async throws -> FleetReport {
    FleetReport(
      generatedAt: Date(), standings: try await store.standings(),
      lastRollout: try await store.rollouts().first.map(RolloutSummary.init))
  }
}
