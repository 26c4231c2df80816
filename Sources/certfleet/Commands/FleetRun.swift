import Engine
import Fleet
import Foundation
import Planning
import Reporting
import Storage
import struct Fleet.Host
import System

/// The main job: resolve what a crash left, issue, plan, roll out, say how it stands.
struct FleetRun {
  private let session: Session
  private let stop: StopSignal
  private let ports: Ports
  private let desk: IssuingDesk
  private let errand: Errand
  private let display = RunDisplay(console: .standard)

  /// What this run is for.
  struct Errand {
    /// The lineages to issue and roll out; `nil` for all.
    var only: Set<Lineage.Name>?
    var request = PlanRequest()
    /// Whether certificates are issued, too.
    var issues = true
  }

  init(session: Session, hosts: HostErrands, stop: StopSignal, epoch: Int, errand: Errand) {
    self.session = session
    self.stop = stop
    self.errand = errand
    desk = IssuingDesk(store: session.store, hosts: hosts, stop: stop)
    ports = Ports(
      connector: hosts.connector, probe: TLSProbe(), localHooks: ShellHooks(),
      materials: StoredMaterials(store: session.store),
      recorder: ShownRecorder(store: session.store, display: display),
      instructions: StoredInstructions(store: session.store), epoch: epoch)
  }

  func carryOut() async throws -> ExitCode {
    if let warning = try await session.unpinnedWarning() { Console.standard.say("certfleet: \(warning)") }
    try await askWhatIsUnknown()
    var code = ExitCode.converged
    // What is not begun in this run: a rollout that has just halted is not begun anew in the same breath, since a person
    // may want to look.
    var unsettled: Set<RolloutPolicy.Name> = []
    var request = errand.request
    for rollout in try await session.store.openRollouts() where !stop.isRequested {
      let (state, policy) = (try await goOn(with: rollout), rollout.plan.policy.name)
      if state == .paused {
        request.underWay[policy, default: []].formUnion(rollout.plan.lineages)
      } else if !state.hasPassed {
        unsettled.insert(policy)
      }
      code = code.combined(with: try await exitCode(of: rollout.id, state))
    }
    var isIdle = code == .converged
    if errand.issues, !stop.isRequested {
      let due = try await whatIsDue()
      isIdle = isIdle && due.isEmpty
      if try await !desk.carryOut(due) { code = .failed }
    }
    let snapshot = try await session.store.planningSnapshot(only: errand.only)
    let result = Planner.plan(on: snapshot, for: request, at: Date())
    for line in AheadHosts.lines(of: result.ahead) {
      Console.standard.say("certfleet: \(line)")
      code = .failed
    }
    for group in HeldHosts.groups(of: result.held) {
      Console.standard.say(group.text)
      code = code.combined(with: group.cause.end.account == .unreachable ? .unreachable : .failed)
    }
    for plan in result.plans where !stop.isRequested {
      if let reason = try await whyNotYet(plan, unsettled: unsettled) {
        Console.standard.say("policy \(plan.policy.name): \(reason)")
        code = code.combined(with: .waiting)
        continue
      }
      let id = try await session.store.plan(plan, now: Date())
      let state = try await carryOut(id, plan, from: RolloutLedger(waves: plan.waves.count))
      code = code.combined(with: try await exitCode(of: id, state))
    }
    try await conclude(
      nothingDone: result.plans.isEmpty && result.held.isEmpty && result.ahead.isEmpty && isIdle)
    return code
  }

  /// Why a plan is not begun now; `nil` when it may be. What goes before is looked at whole, whatever this run is for.
  private func whyNotYet(_ plan: Plan, unsettled: Set<RolloutPolicy.Name>) async throws -> String? {
    if unsettled.contains(plan.policy.name) { return "its last rollout has not come to a good end" }
    guard !plan.policy.after.isEmpty else { return nil }
    let unfinished = Planner.plan(on: try await session.store.planningSnapshot(), at: Date()).unfinished
    return plan.policy.after.first(where: unfinished.contains).map { "waits until \($0) has passed" }
  }

  private func whatIsDue() async throws -> DueList {
    let lineages = try await session.issuable().filter { errand.only?.contains($0.name) ?? true }
    try await desk.takeAwayWhatIsLeft()
    try await desk.refreshAdvice(for: lineages, now: Date())
    return try await DueList(
      lineages, request: errand.only == nil ? .due : .dueNow, store: session.store, now: Date())
  }

  /// Hosts whose last visit was lost sight of are asked what became of it, before anything is decided.
  private func askWhatIsUnknown() async throws {
    for id in try await session.store.rolloutsWithUnknownVisits() {
      let ledger = try await session.store.ledger(of: id)
      let unknown = ledger.visits.filter { $0.value.end == .unknown }
      guard ledger.state.isEnd else { continue }
      Console.standard.say("rollout \(id): asking \(HostSet.folded(unknown.keys)) how the last visit ended")
      try await Recovery(plan: try await session.store.rollout(id).plan, rollout: id, ports: ports).learn(
        unknown)
    }
  }

  /// Goes on with a rollout that a crash or ^C left, or that waited, in its own order and direction, unless what it
  /// was to bring is no longer what is wanted.
  private func goOn(with rollout: Rollout) async throws -> RolloutState {
    let ledger = try await session.store.ledger(of: rollout.id)
    let isForward = [.planned, .running, .paused].contains(ledger.state)
    if isForward, !Planner.isCurrent(rollout.plan, in: try await session.store.planningSnapshot(), at: Date())
    {
      return try await runner(rollout.id, rollout.plan).supersede()
    }
    if ledger.state != .paused {
      Console.standard.say("rollout \(rollout.id): was interrupted; asking the hosts that were being visited")
    }
    return try await carryOut(rollout.id, rollout.plan, from: ledger)
  }

  private func carryOut(_ id: Rollout.ID, _ plan: Plan, from ledger: RolloutLedger) async throws
    -> RolloutState
  {
    display.begin(plan, rollout: id)
    let state = try await runner(id, plan).run()
    if state == .paused, ledger.state == .paused {
      Console.standard.say("rollout \(id) is paused: \(try await session.store.ledger(of: id).reason)")
    }
    return state
  }

  /// Brings a rollout that nobody is at to the end that a person wants of it.
  func conclude(_ rollout: Rollout) async throws -> RolloutState {
    try await carryOut(rollout.id, rollout.plan, from: try await session.store.ledger(of: rollout.id))
  }

  private func runner(_ id: Rollout.ID, _ plan: Plan) -> RolloutRunner {
    RolloutRunner(id, plan: plan, ports: ports, stop: stop)
  }

  private func exitCode(of id: Rollout.ID, _ state: RolloutState) async throws -> ExitCode {
    switch state {
    case .succeeded, .superseded: return .converged
    case .partial, .paused:
      let ends = try await session.store.ledger(of: id).visits.values.compactMap(\.end)
      if ends.contains(where: { $0.account == .failure || $0.account == .undecided }) { return .failed }
      if state == .paused { return .waiting }
      return .unreachable
    case .halted:
      let ends = try await session.store.ledger(of: id).visits.values.compactMap(\.end)
      return ends.contains { $0.account == .unreachable } && !ends.contains { $0.account == .failure }
        ? .unreachable : .failed
    case .planned, .running, .halting, .rollingBack, .rolledBack, .rollbackFailed, .cancelled:
      return .failed
    }
  }

  /// Says how the fleet stands now, in a line or two.
  private func conclude(nothingDone: Bool) async throws {
    Console.standard.show(status: "")
    let report = try await session.report()
    if stop.isRequested {
      Console.standard.say("interrupted: what was under way has ended; go on with: certfleet run")
    } else if nothingDone {
      Console.standard.say("nothing to do")
    }
    Console.standard.result(report.summary + "\n")
    if let last = report.lastRollout, last.state != .succeeded, !nothingDone {
      let rollout = try await session.store.rollout(last.id)
      let account = RolloutReport(rollout, try await session.store.ledger(of: last.id))
      Console.standard.result(account.next)
    }
  }
}

extension RolloutState {
  /// Whether what waits for it may go.
  fileprivate var hasPassed: Bool { [.succeeded, .partial, .superseded].contains(self) }
}
