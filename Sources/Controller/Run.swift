import Engine
package import Fleet
import FoundationEssentials
import Install
import Issuance
package import Planning
package import Reporting
import Storage
import System

/// What a run is for.
package struct RunRequest: Sendable {
  /// The lineages to issue and roll out; `nil` for all.
  package var only: Set<Lineage.Name>?
  package var plan = PlanRequest()
  /// Whether certificates are issued, too.
  package var issues = true

  package init(only: Set<Lineage.Name>? = nil, plan: PlanRequest = PlanRequest(), issues: Bool = true) {
    (self.only, self.plan, self.issues) = (only, plan, issues)
  }
}

/// What came of a run.
package struct RunResult: Sendable {
  package var outcome: RunOutcome
  package var wasInterrupted: Bool
  package var hadNothingToDo: Bool
  package var report: FleetReport
  /// The last rollout, where something is left to do about it.
  package var unfinished: RolloutReport?
}

/// The main job: resolve what a crash left, issue, plan, roll out, say how it stands.
struct Run {
  private let controller: Controller
  private let request: RunRequest
  private let stop: StopSignal
  private let ports: Ports
  private let issuing: CertificateIssuing

  init(_ controller: Controller, _ request: RunRequest, stop: StopSignal) async throws {
    self.controller = controller
    self.request = request
    self.stop = stop
    issuing = try await controller.issuing(stop: stop)
    let store = controller.store
    ports = Ports(
      connector: try await controller.connector(), probe: TLSProbe(), localHooks: ShellHooks(),
      materials: VisitMaterials(from: store), recorder: StoreRecorder(store: store, tell: controller.tell),
      instructions: StoredInstructions(store: store), stop: stop,
      epoch: try await store.beginEpoch(now: Date()))
  }

  func run() async throws -> RunResult {
    // Known beforehand, used beforehand: they are left out, and stop nobody else.
    let unpinned = try await controller.unpinnedHosts()
    if !unpinned.isEmpty { controller.tell(.unpinned(unpinned)) }
    try await askWhatIsUnknown()
    var outcome = RunOutcome.converged
    if try await !controller.askPlaced().isEmpty || !unpinned.isEmpty { outcome = .failed }
    // What is not begun in this run: a rollout that has just halted is not begun anew in the same breath, since a person
    // may want to look.
    var unsettled: Set<RolloutPolicy.Name> = []
    var planRequest = request.plan
    planRequest.leftOut = Set(unpinned)
    for rollout in try await controller.store.openRollouts() where !stop.isRequested {
      let (state, policy) = (try await goOn(with: rollout), rollout.plan.policy.name)
      if state == .paused {
        planRequest.underWay[policy, default: []].formUnion(rollout.plan.lineages)
      } else if !state.hasPassed {
        unsettled.insert(policy)
      }
      outcome = outcome.combined(with: try await self.outcome(of: rollout.id))
    }
    var isIdle = outcome == .converged
    if request.issues, !stop.isRequested {
      let due = try await due(without: Set(unpinned))
      isIdle = isIdle && due.isEmpty
      if try await !issuing.issue(due) { outcome = .failed }
    }
    let planned = Planner.plan(
      on: try await controller.store.planningSnapshot(only: request.only), for: planRequest, at: Date())
    outcome = outcome.combined(with: tellWhatWaits(planned))
    for plan in planned.plans where !stop.isRequested {
      if let delay = try await delay(of: plan, unsettled: unsettled) {
        controller.tell(.planWaits(plan.policy.name, delay))
        outcome = outcome.combined(with: .waiting)
        continue
      }
      let id = try await controller.store.plan(plan, now: Date())
      _ = try await rollOut(id, plan)
      outcome = outcome.combined(with: try await self.outcome(of: id))
    }
    return try await result(
      outcome,
      nothingDone: isIdle && planned.plans.isEmpty && planned.deferred.isEmpty && planned.ahead.isEmpty
    )
  }

  /// Brings a rollout that nobody is at to the end that a person wants of it.
  func conclude(_ rollout: Rollout) async throws -> RolloutState {
    try await rollOut(rollout.id, rollout.plan)
  }

  private func due(without leftOut: Set<Host.Name>) async throws -> DueCertificates {
    let asked = try await controller.issuable().filter { request.only?.contains($0.name) ?? true }
    let useless = try await controller.useless(of: asked, without: leftOut)
    let lineages = asked.filter { !useless.contains($0) }
    try await issuing.cleanUpLeftOvers()
    try await issuing.refreshAdvice(for: lineages, now: Date())
    return try await DueCertificates(
      lineages, urgency: request.only == nil ? .due : .dueNow, store: controller.store, now: Date())
  }

  private func tellWhatWaits(_ planned: PlanningResult) -> RunOutcome {
    var outcome = RunOutcome.converged
    if !planned.ahead.isEmpty {
      controller.tell(.ahead(planned.ahead))
      outcome = .failed
    }
    guard !planned.deferred.isEmpty else { return outcome }
    controller.tell(.deferred(planned.deferred))
    return planned.deferred.reduce(outcome) {
      $0.combined(with: $1.end.account == .unreachable ? .unreachable : .failed)
    }
  }

  /// Why a plan is not begun now; `nil` when it may be. What goes before is looked at whole, whatever this run is for.
  private func delay(
    of plan: Plan, unsettled: Set<RolloutPolicy.Name>
  ) async throws -> ControllerEvent.PlanDelay? {
    if unsettled.contains(plan.policy.name) { return .lastRolloutNotGood }
    guard !plan.policy.after.isEmpty else { return nil }
    let unfinished = Planner.plan(on: try await controller.store.planningSnapshot(), at: Date()).unfinished
    return plan.policy.after.first(where: unfinished.contains).map { .after($0) }
  }

  /// Hosts whose last visit was lost sight of are asked what became of it, before anything is decided.
  private func askWhatIsUnknown() async throws {
    for id in try await controller.store.rolloutsWithUnknownVisits() {
      let ledger = try await controller.store.ledger(of: id)
      let unknown = ledger.visits.filter { $0.value.end == .unknown }
      guard ledger.state.isEnd else { continue }
      controller.tell(.asking(Array(unknown.keys), about: id))
      let plan = try await controller.store.rollout(id).plan
      try await Recovery(plan: plan, rollout: id, ports: ports).learn(unknown)
    }
  }

  /// Goes on with a rollout that a crash or a stop left, or that waited, in its own order and direction, unless what it
  /// was to bring is no longer what is wanted.
  private func goOn(with rollout: Rollout) async throws -> RolloutState {
    let isForward = [.planned, .running, .paused].contains(rollout.state)
    let snapshot = try await controller.store.planningSnapshot()
    if isForward, !Planner.isCurrent(rollout.plan, in: snapshot, at: Date()) {
      return try await runner(rollout.id, rollout.plan).supersede()
    }
    if rollout.state != .paused { controller.tell(.rolloutResumes(rollout.id)) }
    let state = try await rollOut(rollout.id, rollout.plan)
    if state == .paused, rollout.state == .paused {
      let reason = try await controller.store.ledger(of: rollout.id).reason
      controller.tell(.rolloutStaysPaused(rollout.id, reason: reason))
    }
    return state
  }

  private func rollOut(_ id: Rollout.ID, _ plan: Plan) async throws -> RolloutState {
    controller.tell(.rolloutBegins(id, plan))
    Heap.giveBack()
    return try await runner(id, plan).run()
  }

  private func runner(_ id: Rollout.ID, _ plan: Plan) -> RolloutRunner {
    RolloutRunner(id, plan: plan, ports: ports)
  }

  private func outcome(of id: Rollout.ID) async throws -> RunOutcome {
    RunOutcome(of: try await controller.store.ledger(of: id))
  }

  private func result(_ outcome: RunOutcome, nothingDone: Bool) async throws -> RunResult {
    let report = try await controller.report()
    var unfinished: RolloutReport?
    if let last = report.lastRollout, last.state != .succeeded, !nothingDone {
      unfinished = try await controller.rolloutReport(last.id.number).report
    }
    return RunResult(
      outcome: outcome, wasInterrupted: stop.isRequested, hadNothingToDo: nothingDone, report: report,
      unfinished: unfinished)
  }
}

extension Controller {
  /// Those of lineages that are ordered from a CA and go to hosts of which none would let us in: nothing is ordered for them.
  func useless(of lineages: [Lineage], without leftOut: Set<Host.Name>) async throws -> [Lineage] {
    let hosts = try await store.hosts()
    let ordered = Set(try await store.declaration().issuers.filter { $0.acme != nil }.map(\.name))
    return lineages.filter { lineage in
      let goal = hosts.filter { host in lineage.deployments.contains { $0.selector.matches(host) } }
      return ordered.contains(lineage.issuer) && !goal.isEmpty
        && goal.allSatisfy { leftOut.contains($0.name) }
    }
  }
}
