package import Fleet
package import FoundationEssentials

extension RolloutWait {
  /// What keeps a rollout now, by what is recorded of it and what people have said; `nil` where it can go on.
  package init?(of plan: Plan, at ledger: RolloutLedger, _ orders: OperatorInstructions, now: Date) {
    guard !ledger.state.isEnd else { return nil }
    if let person = orders.pausedBy {
      self = .person(person)
      return
    }
    guard let index = ledger.waves.firstIndex(where: { $0.state != .passed }) else { return nil }
    let wave = ledger.waves[index]
    switch wave.state {
    case .pending, .gated:
      if case .closed = Gate.approval(plan.waves[index], number: index + 1, orders: orders) {
        self = .approval(wave: index + 1)
        return
      }
      fallthrough
    case .draining, .running:
      guard case .closed(let reason) = Gate.window(of: plan, at: now, orders: orders) else { return nil }
      self = .window(reason)
    case .baking:
      let end = (wave.since ?? now).addingTimeInterval(plan.waves[index].rule.bake.seconds)
      guard end > now else { return nil }
      self = .bake(wave: index + 1, until: end)
    case .verifying, .passed, .failed, .reverting, .reverted, .revertFailed: return nil
    }
  }
}
