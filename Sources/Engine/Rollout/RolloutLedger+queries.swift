import Fleet

/// What decisions ask of a rollout's ledger.
extension RolloutLedger {
  /// The ends that budgets count.
  func ends(of planned: [PlannedVisit]) -> [VisitEnd] {
    planned.compactMap { visit in
      let end = end(of: visit.host.name)
      return visit.wasUnreachable && end?.account == .unreachable ? nil : end
    }
  }

  /// Hosts of later waves for the places of a wave of a fixed size whose hosts were not reached, or were taken by an earlier one; such as
  /// get the same certificates before others.
  func substitutes(for wave: Int, in plan: Plan) -> [PlannedVisit] {
    let planned = plan.waves[wave - 1]
    guard planned.isOfFixedSize else { return [] }
    let there = members(of: wave, in: plan).filter {
      $0.wasUnreachable || end(of: $0.host.name)?.account != .unreachable
    }
    let missing = planned.visits.count - there.count
    guard missing > 0 else { return [] }
    let names = Set(there.map(\.host.name))
    let lineages = Set(
      planned.visits.filter { !names.contains($0.host.name) }.flatMap { $0.certificates.map(\.lineage) })
    let later = plan.waves[wave...].flatMap(\.visits).filter {
      visits[$0.host.name] == nil && !$0.wasUnreachable
    }
    let alike = later.filter { $0.certificates.contains { lineages.contains($0.lineage) } }
    return Array((alike.count >= missing ? alike : later).prefix(missing))
  }

  /// Those that have not come to an end that stands.
  func left(of planned: [PlannedVisit]) -> [PlannedVisit] {
    planned.filter { end(of: $0.host.name).map { $0.account == .undecided } ?? true }
  }

  /// Those that have the new certificate and are to go back, and those whose way back was interrupted.
  func changed(of planned: [PlannedVisit]) -> [PlannedVisit] {
    planned.filter { planned in
      guard let visit = visits[planned.host.name], let end = visit.end else { return false }
      return end.account == .success || visit.isRevert && end == .interrupted
    }
  }

  /// Those that are to go back, are on their way, or are back.
  func goingBack(in planned: [PlannedVisit]) -> [PlannedVisit] {
    let changed = Set(changed(of: planned).map(\.host.name))
    return planned.filter { changed.contains($0.host.name) || visits[$0.host.name]?.isRevert == true }
  }

  /// Those whose way back was begun and did not come to its end.
  func notBack(of planned: [PlannedVisit]) -> [Host.Name] {
    planned.map(\.host.name).filter { host in
      visits[host].map { $0.isRevert && $0.end != .rolledBack } ?? false
    }
  }

  /// Visits of which nobody knows how they ended.
  var open: [Host.Name: Visit] {
    visits.filter { $0.value.end == nil || $0.value.end == .unknown }
  }

  func hosts(of planned: [PlannedVisit], where holds: (VisitEnd) -> Bool) -> [PlannedVisit] {
    planned.filter { end(of: $0.host.name).map(holds) ?? false }
  }
}
