import Fleet
import FoundationEssentials
import Planning
import System

extension RolloutRunner {
  /// Takes hosts back, newest wave first.
  ///
  /// - Returns: whether it came to its end; not when it was asked to stop.
  func rollBack() async throws -> Bool {
    let waves = try await ledger(\.waves)
    let failed = waves.firstIndex { [.failed, .reverting, .reverted, .revertFailed].contains($0.state) }
    for index in wavesToRevert(waves.lastIndex { $0.state != .pending && $0.state != .gated } ?? failed ?? 0)
    {
      switch waves[index].state {
      case .passed, .failed: try await record(.waveMoved(.reverting, reason: ""), wave: index + 1)
      case .reverting: break
      case .reverted, .revertFailed, .pending, .gated, .running, .draining, .baking, .verifying: continue
      }
      guard try await takeBack(index) else { return false }
    }
    let (after, reason) = try await ledger { ($0.waves, $0.reason) }
    let isWhole = after.allSatisfy { $0.state != .revertFailed }
    try await end(isWhole ? .rolledBack : .rollbackFailed, because: reason)
    return true
  }

  /// By the policy, when a wave has failed; newest first.
  func wavesToRevert(_ failed: Int) -> [Int] {
    switch plan.policy.onFailure {
    case .halt, .revertHost: []
    case .revertWave: [failed]
    case .revertAll: (0...failed).reversed()
    }
  }

  private func takeBack(_ index: Int) async throws -> Bool {
    let number = index + 1
    let visits = try await members(of: index)
    // With those that were back before a crash: what was drained for them is filled again.
    let (changed, onTheWay) = try await ledger { ($0.changed(of: visits), $0.goingBack(in: visits)) }
    let back = changed.compactMap { $0.back(at: ports.time.now) }
    let hooks = WaveHooks(
      rollout: rollout, wave: number, visits: onTheWay, action: .rollback, ports: ports)
    // That a load balancer could not be drained keeps no host from going back.
    _ = try await hooks.before()
    try await revert(back, wave: number)
    let trouble = try await hooks.after()
    if stop.isRequested, try await !ledger({ $0.changed(of: back).isEmpty }) {
      return false
    }
    let notBack = try await ledger { $0.notBack(of: visits) }
    let staying = changed.count - back.count
    var reasons =
      notBack.isEmpty ? [] : ["not back: \(notBack.sorted().map(\.rawValue).joined(separator: ", "))"]
    if !trouble.isEmpty { reasons.append(trouble) }
    if staying > 0 {
      reasons.append(
        "\(staying) had nothing before that is still valid, and \(staying == 1 ? "keeps" : "keep") the new certificate"
      )
    }
    try await record(
      .waveEnded(notBack.isEmpty ? .reverted : .revertFailed, reason: reasons.joined(separator: "; ")),
      wave: number)
    return true
  }

  func revert(_ planned: [PlannedVisit], wave: Int) async throws {
    var queue = VisitQueue(
      try await visits(planned, wave: wave), width: plan.policy.parallel, limits: plan.policy.limits,
      shared: limits)
    try await queue.run(
      { try await ports.carryOut(VisitAssignment($0, .takeBack)) }, mayBegin: { _ in !stop.isRequested },
      mayStillBegin: { !stop.isRequested })
  }

  /// After a bake: whether the hosts of the wave still serve what they were given.
  func lookAgain(_ index: Int) async throws -> Bool {
    let (members, number) = (try await members(of: index), index + 1)
    // Those that a crash cut off on their way back, too.
    let (well, cutOff) = try await ledger { ledger in
      (ledger.hosts(of: members) { $0.account == .success }, ledger.notBack(of: members))
    }
    let served = try await visits(well, wave: number)
    let verdicts = try await looks(at: served)
    if let (visit, verdict) = verdicts.first(where: { $0.1.isInconclusive }) {
      return try await pause(because: "\(visit.host.name): \(verdict)")
    }
    var toRevert = members.filter { cutOff.contains($0.host.name) }.compactMap {
      $0.back(at: ports.time.now)
    }
    for (visit, verdict) in verdicts where !verdict.isSuccess {
      if plan.policy.onFailure != .halt, let back = visit.planned.back(at: ports.time.now) {
        toRevert.append(back)
      } else {
        try await visit.earlier.record(
          .visitEnded(.failedDirty, reason: "after the bake: \(verdict); it was left as it is"))
      }
    }
    try await revert(toRevert, wave: number)
    if stop.isRequested { return false }
    if let reason = try await stillUnknown(of: members) { return try await pause(because: reason) }
    let ends = try await ledger { $0.ends(of: members) }
    let budget = Budget(ofWave: number, in: plan)
    let broken = try await broken(index)
    if let reason = broken ?? budget.brokenAtEnd(by: ends, placedIsEnough: placedIsEnough(from: index)) {
      try await record(.waveEnded(.failed, reason: reason), wave: number)
    } else {
      try await record(.waveEnded(.passed, reason: ""), wave: number)
    }
    return true
  }

  /// What each host serves now, several looked at together.
  private func looks(at visits: [Visit]) async throws -> [(Visit, Outcome)] {
    try await BoundedConcurrency.run(over: visits, limit: plan.policy.parallel) { visit in
      (visit, try await ports.lookAgain(visit))
    }
  }
}
