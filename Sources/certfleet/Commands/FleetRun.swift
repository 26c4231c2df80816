import Engine
import Fleet
import Foundation
import Inventory
import Planning
import Reporting
import struct Fleet.Host

/// The main job: resolve what a crash left, issue, plan, roll out, say how it stands.
struct FleetRun {
  private let session: Session
  private let stop: StopRequest
  private let ports: Ports
  private let desk: IssuingDesk
  private let only: Set<Lineage.Name>?
  private let display = RunDisplay(console: .standard)

  /// - Parameter only: the lineages to issue and roll out; `nil` for all.
  init(session: Session, hosts: HostErrands, stop: StopRequest, epoch: Int, only: Set<Lineage.Name>?) {
    self.session = session
    self.stop = stop
    desk = IssuingDesk(store: session.store, hosts: hosts, stop: stop)
    self.only = only
    ports = Ports(
      connector: hosts.connector, probe: TLSProbe(), localHooks: ShellHooks(),
      materials: StoredMaterials(store: session.store),
      recorder: ShownRecorder(store: session.store, display: display), epoch: epoch)
  }

  func carryOut() async throws -> ExitCode {
    if let warning = try await session.unpinnedWarning() { Console.standard.say("certfleet: \(warning)") }
    try await askWhatIsUnknown()
    var code = ExitCode.converged
    var halted: Set<RolloutPolicy.Name> = []
    for rollout in try await session.store.interruptedRollouts() where !stop.isRequested {
      let resumed = try await resume(rollout)
      if resumed == .failed { halted.insert(rollout.plan.policy.name) }
      code = code.combined(with: resumed)
    }
    var isIdle = code == .converged
    if !stop.isRequested {
      let due = try await whatIsDue()
      isIdle = isIdle && due.isEmpty
      if try await !desk.carryOut(due) { code = .failed }
    }
    let plans = Planner.plans(for: try await session.snapshot(only: only), at: Date())
    // A rollout that has just halted is not begun anew in the same breath: a person may want to look.
    for plan in plans where !stop.isRequested && !halted.contains(plan.policy.name) {
      let id = try await session.store.start(plan, now: Date())
      display.begin(plan, rollout: id)
      let state = try await RolloutRunner(rollout: id, plan: plan, ports: ports, stop: stop).run()
      code = code.combined(with: try await exitCode(of: id, state))
    }
    try await conclude(nothingDone: plans.isEmpty && isIdle)
    return code
  }

  private func whatIsDue() async throws -> DueList {
    let lineages = try await session.issuable().filter { only?.contains($0.name) ?? true }
    try await desk.takeAwayWhatIsLeft()
    try await desk.refreshAdvice(for: lineages, now: Date())
    return try await DueList(
      lineages, request: only == nil ? .due : .dueNow, store: session.store, now: Date())
  }

  /// Hosts whose last visit was lost sight of are asked what became of it, before anything is decided.
  private func askWhatIsUnknown() async throws {
    for (id, visits) in try await session.store.unknownVisits().sorted(by: { $0.key < $1.key }) {
      let rollout = try await session.store.rollout(id)
      guard rollout.state.isEnd else { continue }
      Console.standard.say(
        "rollout \(id): asking \(HostSet.folded(visits.map(\.host))) how the last visit ended")
      try await Recovery(rollout: rollout, ports: ports).learn(visits.map(Recovery.OpenVisit.init))
    }
  }

  /// Goes on with a rollout that a crash or ^C left, in its own order, unless what it was to bring is no longer
  /// what is wanted.
  private func resume(_ rollout: Rollout) async throws -> ExitCode {
    let visits = try await session.store.visits(of: rollout.id)
    display.begin(rollout.plan, rollout: rollout.id)
    Console.standard.say("rollout \(rollout.id): was interrupted; asking the hosts that were being visited")
    let open = visits.filter { $0.end == nil || $0.end == .unknown }.map(Recovery.OpenVisit.init)
    guard Planner.isCurrent(rollout.plan, in: try await session.snapshot(), at: Date()) else {
      // What these visits did is learned before another rollout takes over, or the tables would say they go on.
      try await Recovery(rollout: rollout, ports: ports).learn(open)
      try await ports.recorder.record(
        Event(
          at: Date(), subject: .init(rollout: rollout.id),
          kind: .rolloutEnded(.superseded, reason: "what is wanted has changed since it was planned")))
      return .converged
    }
    var progress = RolloutRunner.Progress()
    for visit in visits { progress.attempts[visit.host] = visit.attempt + 1 }
    for visit in visits where visit.end != .unknown { progress.ends[visit.host] = visit.end }
    progress.ends.merge(try await Recovery(rollout: rollout, ports: ports).resolve(open)) { $1 }
    progress.passedWaves = try await session.store.waveStates(of: rollout.id).prefix { $0 == .passed }.count
    let state = try await RolloutRunner(rollout: rollout.id, plan: rollout.plan, ports: ports, stop: stop)
      .run(from: progress)
    return try await exitCode(of: rollout.id, state)
  }

  private func exitCode(of id: Rollout.ID, _ state: RolloutState) async throws -> ExitCode {
    switch state {
    case .succeeded, .superseded: return .converged
    case .halted, .running: return .failed
    case .partial:
      let ends = try await session.store.visits(of: id).compactMap(\.end)
      return ends.contains { $0.account == .failure } ? .failed : .unreachable
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
  }
}

extension Recovery.OpenVisit {
  fileprivate init(_ visit: Store.StoredVisit) {
    self.init(host: visit.host, wave: visit.wave, attempt: visit.attempt, token: visit.token)
  }
}
