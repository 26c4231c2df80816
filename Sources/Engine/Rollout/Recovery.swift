package import Fleet
import FoundationEssentials
import System

/// After a crash: visits that were begun and have no end are resolved by asking their hosts.
package struct Recovery: Sendable {
  private let plan: Plan
  private let rollout: Rollout.ID
  private let ports: Ports

  package init(plan: Plan, rollout: Rollout.ID, ports: Ports) {
    self.plan = plan
    self.rollout = rollout
    self.ports = ports
  }

  /// Asks about visits of a rollout that goes on. One that the crash kept from succeeding is done again, as its next
  /// attempt.
  func resolve(_ visits: [Host.Name: RolloutLedger.Visit]) async throws {
    try await ask(visits) { $0 ? .resolveRevert : .resolve }
  }

  /// Asks about visits of a rollout that does not go on, and records how they ended.
  package func learn(_ visits: [Host.Name: RolloutLedger.Visit]) async throws {
    try await ask(visits) { $0 ? .learnRevert : .learn }
  }

  private func ask(
    _ open: [Host.Name: RolloutLedger.Visit], _ work: @escaping @Sendable (Bool) -> VisitAssignment.Work
  ) async throws {
    let asked = plan.visits.compactMap { planned in open[planned.host.name].map { (planned, $0) } }
    _ = try await BoundedConcurrency.run(over: asked, limit: plan.policy.parallel) { planned, open in
      let visit = Visit(
        planned: open.isRevert ? planned.back(at: .distantPast) ?? planned : planned, rollout: rollout,
        wave: open.wave, attempt: open.attempt, ports: ports)
      return try await ports.carryOut(VisitAssignment(visit, work(open.isRevert), token: open.token))
    }
  }
}
