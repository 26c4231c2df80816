import Engine
import Fleet
import FoundationEssentials
import Planning
import Storage
import System

/// The rollouts of a run: those that are open, then those that were planned. Such as share no host go side by side.
extension Run {
  /// What became of rollouts that were open.
  struct OpenRollouts {
    var outcome = RunOutcome.converged
    /// Those that did not come to a good end.
    var unsettled: [Plan] = []
    var rollouts: [Rollout.ID] = []
  }

  /// Goes on with rollouts that a crash or a stop left, or that waited, each in its own order and direction.
  ///
  /// - Parameter request: what those bring that wait is not planned again.
  func goOnWithOpen(_ request: inout PlanRequest) async throws -> OpenRollouts {
    let rollouts = try await controller.store.openRollouts()
    let current = try await withoutSuperseded(rollouts)
    for rollout in current { try await letGo(rollout) }
    for group in Dictionary(grouping: current, by: \.plan.policy.name).sorted(by: {
      $0.value[0].id < $1.value[0].id
    })
    where !stop.isRequested {
      for rollout in group.value {
        controller.tell(
          .rolloutGoesOn(rollout.id, rollout.plan, try await controller.store.ledger(of: rollout.id)))
        if rollout.state != .paused { controller.tell(.rolloutResumes(rollout.id)) }
      }
      try await rollOut(group.value.map { ($0.id, $0.plan) })
    }
    var open = OpenRollouts()
    open.rollouts = rollouts.map(\.id)
    for rollout in rollouts {
      let ledger = try await controller.store.ledger(of: rollout.id)
      if ledger.state == .paused {
        request.underWay[rollout.plan.policy.name, default: []].formUnion(rollout.plan.lineages)
        if rollout.state == .paused {
          controller.tell(.rolloutStaysPaused(rollout.id, reason: ledger.reason))
        }
      } else if !ledger.state.hasPassed {
        open.unsettled.append(rollout.plan)
      }
      open.outcome = open.outcome.combined(with: RunOutcome(of: ledger))
    }
    return open
  }

  /// Ends those whose plan is not what is wanted any more.
  private func withoutSuperseded(_ rollouts: [Rollout]) async throws -> [Rollout] {
    var current: [Rollout] = []
    let restoredAt = try await controller.store.restoredAt()
    for rollout in rollouts where !stop.isRequested {
      let isForward = [.planned, .running, .paused].contains(rollout.state)
      let snapshot = try await controller.store.planningSnapshot()
      // Of one from a backup nobody knows what became.
      let isFromBackup = restoredAt.map { rollout.startedAt < $0 } ?? false
      if isFromBackup || isForward && !Planner.isCurrent(rollout.plan, in: snapshot, at: Date()) {
        _ = try await RolloutRunner(rollout.id, plan: rollout.plan, ports: ports).supersede()
      } else {
        current.append(rollout)
      }
    }
    return current
  }

  /// Outside its window, where a person said so; what is not outside of one needs nobody's word.
  private func letGo(_ rollout: Rollout) async throws {
    guard let person = request.outsideWindowsBy, case .closed = Gate.window(of: rollout.plan, at: Date())
    else { return }
    try await controller.instruct(.startNow, rollout, by: person)
  }

  /// Stores the plans of one policy as rollouts and carries them out.
  ///
  /// - Parameter unsettled: what has just halted is not begun anew in the same breath, since a person may want to look.
  func begin(_ plans: [Plan], unsettled: [Plan]) async throws -> (
    outcome: RunOutcome, rollouts: [Rollout.ID]
  ) {
    var outcome = RunOutcome.converged
    var rollouts: [(Rollout.ID, Plan)] = []
    for plan in plans {
      if let delay = try await delay(of: plan, unsettled: unsettled) {
        controller.tell(.planWaits(plan.policy.name, delay))
        outcome = outcome.combined(with: .waiting)
      } else {
        let id = try await controller.store.plan(plan, now: Date())
        if request.outsideWindowsBy != nil { try await letGo(try await controller.store.rollout(id)) }
        rollouts.append((id, plan))
      }
    }
    try await rollOut(rollouts)
    for (id, _) in rollouts { outcome = outcome.combined(with: try await self.outcome(of: id)) }
    return (outcome, rollouts.map(\.0))
  }

  /// Why a plan is not begun now; `nil` when it may be. What goes before is looked at whole, whatever this run is for.
  private func delay(of plan: Plan, unsettled: [Plan]) async throws -> ControllerEvent.PlanDelay? {
    if unsettled.contains(where: { $0.hasToDo(with: plan) }) { return .lastRolloutNotGood }
    guard !plan.policy.after.isEmpty else { return nil }
    let unfinished = Planner.plan(on: try await controller.store.planningSnapshot(), at: Date()).unfinished
    return plan.policy.after.first(where: unfinished.contains).map { .after($0) }
  }

  /// Carries rollouts of one policy out, side by side where there are several: all together visit no more hosts at once than it allows.
  func rollOut(_ rollouts: [(id: Rollout.ID, plan: Plan)]) async throws {
    guard let policy = rollouts.first?.plan.policy else { return }
    Heap.giveBack()
    let limits = rollouts.count > 1 ? SharedVisitLimits(of: policy) : nil
    _ = try await BoundedConcurrency.run(
      over: rollouts, limit: policy.parallel, while: { !stop.isRequested }
    ) { [controller, ports] id, plan in
      controller.tell(.rolloutBegins(id, plan))
      return try await RolloutRunner(id, plan: plan, ports: ports, sharing: limits).run()
    }
  }
}

extension Plan {
  /// Whether they are of one policy and share a certificate or a host.
  fileprivate func hasToDo(with other: Plan) -> Bool {
    policy.name == other.policy.name
      && (!Set(lineages).isDisjoint(with: other.lineages)
        || !Set(visits.map(\.host.name)).isDisjoint(with: other.visits.map(\.host.name)))
  }
}
