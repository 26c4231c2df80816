public import Fleet
import Foundation
import Planning
public import struct Fleet.Host

/// Carries a plan out, wave by wave.
public struct RolloutRunner: Sendable {
  private let rollout: Rollout.ID
  private let plan: Plan
  private let ports: Ports
  private let stop: StopRequest

  public init(rollout: Rollout.ID, plan: Plan, ports: Ports, stop: StopRequest) {
    self.rollout = rollout
    self.plan = plan
    self.ports = ports
    self.stop = stop
  }

  /// What an earlier controller left of this rollout.
  public struct Progress: Sendable {
    /// Hosts whose part is done, and how it ended.
    public var ends: [Host.Name: VisitEnd]
    /// Hosts that were begun: the attempt that is next for them.
    public var attempts: [Host.Name: Int]
    /// How many waves have passed.
    public var passedWaves: Int

    public init(ends: [Host.Name: VisitEnd] = [:], attempts: [Host.Name: Int] = [:], passedWaves: Int = 0) {
      self.ends = ends
      self.attempts = attempts
      self.passedWaves = passedWaves
    }
  }

  /// - Returns: the rollout's state: an end, or `running` when it was asked to stop and can be continued.
  /// - Throws: when the recorder cannot keep what happened.
  public func run(from progress: Progress = Progress()) async throws -> RolloutState {
    var progress = progress
    let budget = Budget(plan.policy, hosts: plan.hostCount, scope: "the rollout")
    for (index, visits) in plan.waves.enumerated().dropFirst(progress.passedWaves) {
      if stop.isRequested { return .running }
      try await record(.waveStarted(hosts: visits.count), wave: index + 1)
      let wave = Budget(plan.policy, hosts: visits.count, scope: "wave \(index + 1)")
      let hooks = WaveHooks(rollout: rollout, wave: index + 1, visits: visits, ports: ports)
      try await hold(try await hooks.before(), of: visits, wave: index + 1, &progress)
      try await carryOut(visits, wave: index + 1, &progress) { ends in
        wave.broken(by: visits.compactMap { ends[$0.host.name] }) ?? budget.broken(by: Array(ends.values))
      }
      let trouble = try await hooks.after()
      let ends = visits.compactMap { progress.ends[$0.host.name] }
      let broken = wave.broken(by: ends) ?? budget.broken(by: Array(progress.ends.values))
      if broken == nil, ends.count < visits.count { return .running }
      if let reason = broken ?? wave.brokenAtEnd(by: ends) {
        try await record(.waveEnded(.failed, reason: reason), wave: index + 1)
        return try await end(.halted, halting(at: index, reason, progress))
      }
      try await record(.waveEnded(.passed, reason: trouble), wave: index + 1)
    }
    let bad = progress.ends.values.count { $0.account != .success }
    return bad == 0
      ? try await end(.succeeded, "")
      : try await end(
        .partial, "\(bad) of \(plan.hostCount) hosts did not get there; the next run tries them again")
  }

  /// Ends visits that must not be begun.
  private func hold(
    _ held: [Host.Name: String], of visits: [PlannedVisit], wave: Int, _ progress: inout Progress
  ) async throws {
    for planned in visits {
      guard let reason = held[planned.host.name], progress.ends[planned.host.name] == nil else { continue }
      progress.ends[planned.host.name] = try await visit(planned, wave: wave, progress).refuse(
        because: reason)
    }
  }

  private func visit(_ planned: PlannedVisit, wave: Int, _ progress: Progress) -> Visit {
    Visit(
      planned: planned, rollout: rollout, wave: wave, attempt: progress.attempts[planned.host.name] ?? 1,
      ports: ports)
  }

  /// A sliding window of visits, which stops being filled when `broken` gives a reason or a stop is requested.
  private func carryOut(
    _ visits: [PlannedVisit], wave: Int, _ progress: inout Progress,
    until broken: ([Host.Name: VisitEnd]) -> String?
  ) async throws {
    var rest = visits.filter { progress.ends[$0.host.name] == nil }[...]
    try await withThrowingTaskGroup(of: (Host.Name, VisitEnd).self) { group in
      var running = 0
      func fill() {
        while running < plan.policy.parallel, !stop.isRequested, broken(progress.ends) == nil,
          let planned = rest.popFirst()
        {
          let visit = visit(planned, wave: wave, progress)
          group.addTask { (visit.host.name, try await visit.carryOut()) }
          running += 1
        }
      }
      fill()
      while let (host, end) = try await group.next() {
        running -= 1
        progress.ends[host] = end
        fill()
      }
    }
  }

  private func halting(at index: Int, _ reason: String, _ progress: Progress) -> String {
    let notStarted = plan.visits.count { progress.ends[$0.host.name] == nil }
    let left = notStarted == 0 ? "" : "; \(notStarted) of \(plan.hostCount) hosts were not started"
    return "wave \(index + 1) failed: \(reason)\(left)"
  }

  private func end(_ state: RolloutState, _ reason: String) async throws -> RolloutState {
    try await record(.rolloutEnded(state, reason: reason), wave: nil)
    return state
  }

  private func record(_ kind: Event.Kind, wave: Int?) async throws {
    try await ports.recorder.record(
      Event(at: Date(), subject: .init(rollout: rollout, wave: wave), kind: kind))
  }
}
