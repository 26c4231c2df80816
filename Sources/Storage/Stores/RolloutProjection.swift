package import Fleet
import FoundationEssentials

/// A rollout whose events are coming in: its plan, read once, and where it stands.
struct RolloutProjection {
  let policy: RolloutPolicy.Name
  let visits: [Host.Name: PlannedVisit]
  var ledger: RolloutLedger

  init(_ plan: Plan, _ ledger: RolloutLedger) { self.init(plan.policy.name, plan.visits, ledger) }

  init(_ policy: RolloutPolicy.Name, _ planned: [PlannedVisit], _ ledger: RolloutLedger) {
    self.policy = policy
    visits = Dictionary(planned.map { ($0.host.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.ledger = ledger
  }

  /// What a visit brings to its host: of each certificate the new generation, or when it takes the host back, the one
  /// before.
  func delivered(to host: Host.Name) -> [PlannedCertificate] {
    guard let visit = visits[host] else { return [] }
    guard ledger.visits[host]?.isRevert == true else { return visit.certificates }
    return visit.back(at: .distantPast)?.certificates ?? []
  }
}

extension Store {
  /// The one that is kept, where nobody else has recorded anything since; else read anew.
  func projection(of id: Rollout.ID) throws -> RolloutProjection? {
    let last = try logEnd().number
    if last != projectedEvent { projections = [:] }
    if projections[id] == nil {
      #if PostgreSQL
        if sharing?.leads == false { projections[id] = try ownProjection(of: id, nil) }
      #endif
    }
    if projections[id] == nil {
      projections[id] = RolloutProjection(try rollout(id).plan, try ledger(of: id))
      projectedEvent = last
    }
    return projections[id]
  }

  /// Reads from where a rollout stands, after all that was recorded of it.
  package func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) throws -> Value {
    guard let projection = try projection(of: rollout) else { throw Missing(what: "rollout \(rollout)") }
    return query(projection.ledger)
  }
}
