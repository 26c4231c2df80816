import Engine
import Fleet
import Foundation
import Issuance
import Planning
import Reporting
import SSH
import Storage
import struct Fleet.Host

extension Command {
  static let run = Command(
    words: ["run"],
    summary: "renew what is due and roll out what is not where it should be; made for a timer",
    options: [
      Option(name: "only", value: "CERT", help: "only this certificate, now if it is due; may be repeated"),
      Option(name: "dry-run", help: "only show what would be done; contacts nobody"),
      Option(
        name: "staging", help: "rehearse the orders with the CAs' staging directories; rolls nothing out"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    try await session.requireLineages()
    let only = try await session.only(invocation)
    let errand = FleetRun.Errand(only: only, request: PlanRequest(ignoresPauses: only != nil))
    if invocation.has("dry-run") {
      try await session.showPlan(invocation, for: errand)
      return .converged
    }
    if invocation.has("staging") {
      let names = try await session.issuable().filter { only?.contains($0.name) ?? true }
      return try await session.issue(names, request: only == nil ? .due : .dueNow, invocation)
    }
    return try await session.rollOut(
      errand, under: try ControllerLease(home: session.home, now: Date()), invocation)
  }
}

extension Session {
  /// The main job.
  func rollOut(
    _ errand: FleetRun.Errand, under lease: ControllerLease, _ invocation: Invocation
  ) async throws -> ExitCode {
    let interrupt = Interrupt()
    let run = FleetRun(
      session: self, hosts: try await hostErrands(invocation), stop: interrupt.stop,
      epoch: try await store.beginEpoch(now: Date()), errand: errand)
    let code = try await run.carryOut()
    withExtendedLifetime((lease, interrupt)) {}
    return code
  }

  fileprivate func requireLineages() async throws {
    guard try await store.lineages().isEmpty else { return }
    throw BadInput("no certificate is declared; describe your fleet and apply it: certfleet apply inventory/")
  }
}
