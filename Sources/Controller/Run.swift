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
  /// Who lets rollouts go outside their windows, and why; `nil` where they wait.
  package var outsideWindowsBy: Controller.Author?

  package init(only: Set<Lineage.Name>? = nil, plan: PlanRequest = PlanRequest(), issues: Bool = true) {
    (self.only, self.plan, self.issues) = (only, plan, issues)
  }

  /// Whether it does whatever is due.
  var isWhole: Bool { only == nil && plan == PlanRequest() && issues }
}

/// What came of a run.
package struct RunResult: Sendable {
  package var outcome: RunOutcome
  package var wasInterrupted: Bool
  package var hadNothingToDo: Bool
  package var report: FleetReport
  /// Rollouts of this run about which something is left to do.
  package var unfinished: [RolloutReport]
}

/// The main job: resolve what a crash left, issue, plan, roll out, say how it stands.
struct Run {
  let controller: Controller
  let request: RunRequest
  let stop: StopSignal
  let ports: Ports
  private let issuing: CertificateIssuing

  /// - Parameter carrier: gives visits to other controllers; `nil` where this one makes them all.
  init(
    _ controller: Controller, _ request: RunRequest, stop: StopSignal, carrier: (any VisitCarrier)? = nil
  ) async throws {
    self.controller = controller
    self.request = request
    self.stop = stop
    issuing = try await controller.issuing(stop: stop)
    ports = try await controller.ports(stop: stop, carrier: carrier)
  }

  /// Before anything else a state that came from a backup learns what hosts have, and up to which epoch they have seen this controller.
  static func lookAfterRestore(_ controller: Controller) async throws {
    guard try await controller.store.restoredAt() != nil else { return }
    let hosts = try await controller.visitableHosts(for: RunRequest())
    let due = try await controller.hostsToLookAt(
      for: RunRequest(), except: hosts.plannedWithout, sites: controller.configuration.sites, now: Date())
    guard !due.isEmpty else { return }
    controller.tell(.looking(due.count))
    _ = try await controller.look(at: due, only: nil)
  }

  func run() async throws -> RunResult {
    var hosts = try await controller.visitableHosts(for: request)
    try await askWhatIsUnknown()
    var outcome = RunOutcome.converged
    if try await !controller.askPlaced(of: request).isEmpty { outcome = .failed }
    var planRequest = request.plan
    let open = try await goOnWithOpen(&planRequest)
    outcome = outcome.combined(with: open.outcome)
    outcome = outcome.combined(with: try await look(&hosts))
    var isIdle = outcome == .converged && open.rollouts.isEmpty
    if request.issues, !stop.isRequested {
      let due = try await due(&hosts)
      isIdle = isIdle && due.isEmpty
      if try await !issuing.issue(due) { outcome = .failed }
    }
    if !hosts.leftOut.isEmpty {
      controller.tell(.leftOut(hosts.leftOut))
      (outcome, isIdle) = (.failed, false)
    }
    planRequest.leftOut = hosts.plannedWithout
    planRequest.unreachable = hosts.unreachable
    let planned = Planner.plan(
      on: try await controller.store.planningSnapshot(only: request.only), for: planRequest, at: Date())
    outcome = outcome.combined(with: tellWhatWaits(planned))
    var rollouts = open.rollouts
    for plans in planned.plansByPolicy where !stop.isRequested {
      let begun = try await begin(plans, unsettled: open.unsettled)
      outcome = outcome.combined(with: begun.outcome)
      rollouts += begun.rollouts
    }
    try await controller.settleRestore()
    // A way back of one that is open may need any.
    if try await controller.store.openRollouts().isEmpty {
      _ = try await controller.store.eraseSpentKeys(now: Date())
      _ = try await controller.store.archiveHistory(now: Date())
    }
    return try await result(
      outcome, rollouts,
      nothingDone: isIdle && planned.plans.isEmpty && planned.deferred.isEmpty
        && planned.ahead.allSatisfy { $0.until != nil }
        && planned.drifted.isEmpty
    )
  }

  /// Brings a rollout that nobody is at to the end that a person wants of it.
  func conclude(_ rollout: Rollout) async throws -> RolloutState {
    try await rollOut([(rollout.id, rollout.plan)])
    return try await controller.store.state(of: rollout.id)
  }

  /// Looks at hosts that were not seen for as long as declared, before anything is decided of them.
  private func look(_ hosts: inout VisitableHosts) async throws -> RunOutcome {
    let due = try await controller.hostsToLookAt(
      for: request, except: hosts.plannedWithout, sites: try await controller.servedSites(), now: Date())
    guard !due.isEmpty, !stop.isRequested else { return .converged }
    controller.tell(.looking(due.count))
    let outcome = try await controller.lookTogether(at: due, only: request.only, stop: stop)
    hosts.take(outcome)
    if !outcome.troubles.isEmpty { controller.tell(.looked(LookReport(items: outcome.troubles))) }
    return outcome.unreachable.isEmpty ? .converged : .unreachable
  }

  private func due(_ hosts: inout VisitableHosts) async throws -> DueCertificates {
    let lineages = try await controller.issuable().filter { request.only?.contains($0.name) ?? true }
    try await issuing.cleanUpLeftOvers()
    try await issuing.refreshAdvice(for: lineages, now: Date())
    var due = try await DueCertificates(
      lineages, urgency: request.only == nil ? .due : .dueNow, store: controller.store, now: Date())
    try await hosts.settle(&due, hosts: try await controller.store.hosts(), by: controller)
    return due
  }

  private func tellWhatWaits(_ planned: PlanningResult) -> RunOutcome {
    var outcome = RunOutcome.converged
    if !planned.ahead.isEmpty {
      controller.tell(.ahead(planned.ahead))
      if planned.ahead.contains(where: { $0.until == nil }) { outcome = .failed }
    }
    if !planned.drifted.isEmpty {
      controller.tell(.drifted(planned.drifted))
      outcome = .failed
    }
    for plan in planned.plans where plan.isMassDrift {
      controller.tell(.massDrift(plan.policy.name, hosts: plan.hostCount))
    }
    guard !planned.deferred.isEmpty else { return outcome }
    controller.tell(.deferred(planned.deferred))
    return planned.deferred.reduce(outcome) {
      $0.combined(with: $1.end.account == .unreachable ? .unreachable : .failed)
    }
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

  func outcome(of id: Rollout.ID) async throws -> RunOutcome {
    RunOutcome(of: try await controller.store.ledger(of: id))
  }

  func result(
    _ outcome: RunOutcome, _ rollouts: [Rollout.ID], nothingDone: Bool
  ) async throws -> RunResult {
    let report = try await controller.report()
    var unfinished: [RolloutReport] = []
    for id in rollouts {
      let rollout = try await controller.rolloutReport(id.number).report
      if rollout.state != .succeeded, rollout.state != .superseded { unfinished.append(rollout) }
    }
    let isSerious = report.shortfalls.contains(where: \.isSerious)
    return RunResult(
      outcome: isSerious ? .failed : outcome, wasInterrupted: stop.isRequested, hadNothingToDo: nothingDone,
      report: report, unfinished: unfinished)
  }
}
