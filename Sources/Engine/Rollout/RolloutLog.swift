import Fleet
import struct Fleet.Host

/// Keeps where the rollout stands beside what is recorded of it, so that every decision is made from what was
/// recorded, and nothing is recorded that may not follow.
actor RolloutLog: Recorder {
  private(set) var ledger: RolloutLedger
  private let recorder: any Recorder

  init(_ ledger: RolloutLedger, recorder: any Recorder) {
    self.ledger = ledger
    self.recorder = recorder
  }

  func record(_ event: Event) async throws {
    try ledger.apply(event)
    try await recorder.record(event)
  }

  // Asked for in parts: a copy of the whole would be copied again with the next event.

  var state: RolloutState { ledger.state }
  var waves: [RolloutLedger.Wave] { ledger.waves }

  func visit(of host: Host.Name) -> RolloutLedger.Visit? { ledger.visits[host] }

  /// The ends that budgets count.
  func ends(of visits: [PlannedVisit]) -> [VisitEnd] {
    visits.compactMap { visit in
      let end = ledger.end(of: visit.host.name)
      return visit.wasUnreachable && end?.account == .unreachable ? nil : end
    }
  }

  /// Those that have not come to an end that stands.
  func left(of visits: [PlannedVisit]) -> [PlannedVisit] {
    visits.filter { ledger.end(of: $0.host.name).map { $0.account == .undecided } ?? true }
  }

  /// Those that have the new certificate and are to go back, and those whose way back was interrupted.
  func changed(of visits: [PlannedVisit]) -> [PlannedVisit] {
    visits.filter { planned in
      guard let visit = ledger.visits[planned.host.name], let end = visit.end else { return false }
      return end.account == .success || visit.isRevert && end == .interrupted
    }
  }

  /// Those that are to go back, are on their way, or are back.
  func goingBack(in visits: [PlannedVisit]) -> [PlannedVisit] {
    let changed = Set(changed(of: visits).map(\.host.name))
    return visits.filter { changed.contains($0.host.name) || ledger.visits[$0.host.name]?.isRevert == true }
  }

  /// Those whose way back was begun and did not come to its end.
  func notBack(of visits: [PlannedVisit]) -> [Host.Name] {
    visits.map(\.host.name).filter { host in
      ledger.visits[host].map { $0.isRevert && $0.end != .rolledBack } ?? false
    }
  }

  /// Visits of which nobody knows how they ended.
  var open: [Host.Name: RolloutLedger.Visit] {
    ledger.visits.filter { $0.value.end == nil || $0.value.end == .unknown }
  }

  func hosts(of visits: [PlannedVisit], where holds: (VisitEnd) -> Bool) -> [PlannedVisit] {
    visits.filter { ledger.end(of: $0.host.name).map(holds) ?? false }
  }
}
