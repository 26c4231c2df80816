package import Fleet
import FoundationEssentials
import Planning
import System

/// Carries a plan out, wave by wave. Everything that it decides, it decides from what was recorded: killed at any
/// moment, the next one goes on from there in the same direction.
package struct RolloutRunner: Sendable {
  let rollout: Rollout.ID
  let plan: Plan
  let ports: Ports
  /// With rollouts that go on beside this one.
  let limits: SharedVisitLimits?

  package init(_ rollout: Rollout.ID, plan: Plan, ports: Ports, sharing limits: SharedVisitLimits? = nil) {
    self.limits = limits
    self.rollout = rollout
    self.plan = plan
    self.ports = ports
  }

  /// - Returns: the rollout's state: an end, `paused` where it waits, or another one when it was asked to stop and
  ///   can be continued.
  /// - Throws: when the recorder cannot keep what happened.
  package func run() async throws -> RolloutState {
    try await askHostsOfOpenVisits()
    var goesOn = true
    while goesOn {
      switch try await ledger(\.state) {
      case .planned: goesOn = try await begin()
      case .paused: goesOn = try await leavePause()
      case .running: goesOn = try await advance()
      case .halting: try await endHalting()
      case .rollingBack: goesOn = try await rollBack()
      case let state:
        if state.isEnd { return state }
      }
    }
    return try await ledger(\.state)
  }

  /// Ends it where what it was to bring is no longer wanted. What its visits did is learned before another rollout
  /// takes over, or the tables would say they go on.
  package func supersede() async throws -> RolloutState {
    try await Recovery(plan: plan, rollout: rollout, ports: ports).learn(try await ledger(\.open))
    if let index = try await ledger(\.waves).firstIndex(where: { $0.state == .running }) {
      try await abandon(index)
    }
    try await end(.superseded, because: "what is wanted has changed since it was planned")
    return .superseded
  }

  var stop: StopSignal { ports.stop }

  // MARK: The record

  /// Reads from where the rollout stands.
  func ledger<Value: Sendable>(_ query: @Sendable (RolloutLedger) -> Value) async throws -> Value {
    try await ports.recorder.read(rollout, query)
  }

  func record(_ kind: Event.Kind, wave: Int? = nil) async throws {
    try await ports.recorder.record(
      Event(at: ports.time.now, subject: .init(rollout: rollout, wave: wave), kind: kind))
  }

  /// Waits for what the reason names; the next run looks whether it is given.
  func pause(because reason: String) async throws -> Bool {
    try await record(.rolloutMoved(.paused, reason: reason))
    return false
  }

  func end(_ state: RolloutState, because reason: String) async throws {
    let trouble = try await rolloutHooks.after(ending: state, try await ledger { $0 })
    let reasons = [reason, trouble].filter { !$0.isEmpty }
    try await record(.rolloutEnded(state, reason: reasons.joined(separator: "; ")))
  }

  // MARK: From state to state

  private var rolloutHooks: RolloutHooks { RolloutHooks(rollout: rollout, plan: plan, ports: ports) }

  private func begin() async throws -> Bool {
    guard !stop.isRequested else { return false }
    // Killed meanwhile, the next run does them again: no host is begun without them.
    if let trouble = try await rolloutHooks.before() {
      try await record(.rolloutMoved(.halting, reason: trouble))
    } else {
      try await record(.rolloutStarted)
    }
    return true
  }

  private func leavePause() async throws -> Bool {
    guard !stop.isRequested else { return false }
    let orders = try await ports.instructions.instructions(for: rollout)
    if orders.cancelledBy == nil, try await wait(orders) != nil { return false }
    try await record(.rolloutMoved(.running, reason: ""))
    return true
  }

  private func endHalting() async throws {
    let (waves, reason) = try await ledger { ($0.waves, $0.reason) }
    guard let failed = waves.firstIndex(where: { $0.state == .failed }) else {
      let isCancelled = try await ports.instructions.instructions(for: rollout).cancelledBy != nil
      return try await end(isCancelled ? .cancelled : .halted, because: reason)
    }
    let reverted = wavesToRevert(failed)
    let changed = try await ledger { ledger in
      ledger.changed(of: reverted.flatMap { ledger.members(of: $0 + 1, in: plan) })
    }
    if changed.isEmpty {
      try await end(.halted, because: reason)
    } else {
      try await record(.rolloutMoved(.rollingBack, reason: reason))
    }
  }

  /// How many hosts of the plan were not begun, as a clause; empty where none was left out.
  func notStarted() async throws -> String {
    let begun = try await ledger(\.visits.count)
    let left = plan.hostCount - begun
    return left == 0 ? "" : "; \(left) of \(plan.hostCount) hosts were not started"
  }

  // MARK: Visits

  /// The next attempts at hosts of a wave.
  func visits(_ planned: [PlannedVisit], wave: Int) async throws -> [Visit] {
    let attempts = try await ledger { ledger in planned.map { ledger.visits[$0.host.name]?.attempt ?? 0 } }
    return zip(planned, attempts).map { planned, attempt in
      Visit(
        planned: planned, rollout: rollout, wave: wave, attempt: attempt + 1,
        staysAsItIs: !planned.retires
          && (plan.policy.onFailure == .halt || planned.hasNoWayBack(at: ports.time.now)), ports: ports)
    }
  }

  /// Visits that an earlier controller, or a lost connection, left open are resolved before anything else.
  private func askHostsOfOpenVisits() async throws {
    let (open, state) = try await ledger { ($0.open, $0.state) }
    guard !open.isEmpty, !stop.isRequested else { return }
    let recovery = Recovery(plan: plan, rollout: rollout, ports: ports)
    let goesOn = state == .running || state == .paused
    // A rollout that goes back goes on with that: hosts that were on the way are taken back once more.
    try await recovery.resolve(open.filter { goesOn || $0.value.isRevert })
    try await recovery.learn(open.filter { !goesOn && !$0.value.isRevert })
  }
}
