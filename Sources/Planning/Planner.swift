package import Fleet
package import FoundationEssentials

/// Desired against actual. The same snapshot always gives the same plans.
package enum Planner {
  /// What has to be done under each rollout policy, in the order in which policies go: one plan, or where its waves only count, one for each
  /// group of certificates that share hosts.
  package static func plan(
    on snapshot: PlanningSnapshot, for request: PlanRequest = PlanRequest(), at now: Date
  ) -> PlanningResult {
    var result = PlanningResult()
    for policy in snapshot.policiesInOrder {
      let desired = DesiredState(of: policy.name, in: snapshot, at: now)
      let hosts = snapshot.hosts.filter {
        request.hosts?.contains($0.name) ?? true && !request.leftOut.contains($0.name)
      }
      let backoffs = snapshot.backoffs[policy.name] ?? [:]
      let visits = HostSequence(of: policy, in: snapshot, unreachable: request.unreachable).sort(hosts)
        .compactMap { host in
          let wanted = desired.certificates(for: host).filter {
            !request.isUnderWay($0.lineage, under: policy.name)
          }
          let ahead = wanted.compactMap { isAhead(host, of: $0, in: snapshot, at: now) }
          result.ahead += ahead
          if request.push == .due {
            result.drifted += wanted.compactMap { left($0.lineage, on: host, under: policy, in: snapshot) }
          }
          var due = visit(
            host, wanted.filter { certificate in !ahead.contains { $0.lineage == certificate.lineage } },
            under: policy, in: snapshot, for: request.push)
          due?.wasUnreachable =
            backoffs[host.name]?.end.account == .unreachable || request.unreachable.contains(host.name)
          return due
        }
      // What went wrong within the budgets of a rollout that passed keeps nobody else waiting.
      if visits.contains(where: { backoffs[$0.host.name]?.isTolerated(of: $0) != true }) {
        result.unfinished.insert(policy.name)
      }
      let reachedBy = hosts.count { !desired.certificates(for: $0).isEmpty }
      let (mass, others) = MassDrift.apart(visits, amongHosts: reachedBy)
      if !mass.isEmpty { result.plans.append(MassDrift.plan(of: mass, under: policy)) }
      // What shares no host does not hold each other up.
      for visits in policy.onlyCounts ? IndependentVisits.groups(of: others) : [others] {
        let held = request.ignoresPauses ? [] : held(visits, under: policy.name, in: snapshot, at: now)
        result.deferred += held
        guard !held.contains(where: { $0.holdsPolicy }) else { continue }
        let waiting = Set(held.map(\.host))
        let going = visits.filter { !waiting.contains($0.host.name) }
        if !going.isEmpty {
          result.plans.append(Plan(policy: policy, waves: Waves.slice(going, by: policy.waves)))
        }
      }
    }
    return result
  }

  /// Whether a plan that was frozen earlier is still what is wanted: its policy, and on each of its hosts the
  /// same generations, hooks and checks.
  package static func isCurrent(_ plan: Plan, in snapshot: PlanningSnapshot, at now: Date) -> Bool {
    if plan.retires { return isStillRetired(plan, in: snapshot) }
    guard snapshot.policiesInOrder.contains(plan.policy) else { return false }
    let hosts = Dictionary(snapshot.hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let desired = DesiredState(of: plan.policy.name, in: snapshot, at: now)
    return plan.visits.allSatisfy { visit in
      guard hosts[visit.host.name] == visit.host else { return false }
      let wanted = desired.certificates(for: visit.host)
      return visit.certificates.allSatisfy { wanted.contains($0.essence) }
    }
  }

  /// Whether nothing that is to be taken away was declared again meanwhile.
  private static func isStillRetired(_ plan: Plan, in snapshot: PlanningSnapshot) -> Bool {
    let hosts = Dictionary(snapshot.hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let lineages = Dictionary(snapshot.lineages.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    return plan.visits.allSatisfy { visit in
      guard let host = hosts[visit.host.name] else { return true }
      return host == visit.host
        && visit.certificates.allSatisfy { lineages[$0.lineage]?.goes(to: host) != true }
    }
  }

  /// Everything that is declared for a host, whether it is due there or even issued: what a preflight looks for.
  package static func everything(on host: Host, in snapshot: PlanningSnapshot) -> PlannedVisit {
    let certificates = snapshot.lineages.sorted { $0.name < $1.name }.compactMap { lineage in
      let deployments = lineage.deployments.filter { $0.selector.matches(host) }
      return deployments.isEmpty
        ? nil : DesiredState.planned(lineage, as: snapshot.newest[lineage.name], by: deployments)
    }
    return PlannedVisit(host: host, certificates: certificates)
  }

  /// What a host was brought to, as it was put there; where it was brought to nothing yet, what it is to have.
  package static func expected(
    _ lineage: Lineage, on host: Host, in snapshot: PlanningSnapshot
  ) -> PlannedCertificate {
    let kept = snapshot.kept[host.name]?[lineage.name]
    var expected = DesiredState.planned(
      lineage, as: kept ?? snapshot.newest[lineage.name],
      by: lineage.deployments.filter { $0.selector.matches(host) })
    if kept != nil, let files = snapshot.keptFiles[host.name]?[lineage.name] { expected.files = files }
    return expected
  }

  private static func visit(
    _ host: Host, _ wanted: [PlannedCertificate], under policy: RolloutPolicy, in snapshot: PlanningSnapshot,
    for push: PlanRequest.Push
  ) -> PlannedVisit? {
    let due = wanted.compactMap { certificate -> PlannedCertificate? in
      let kept = snapshot.kept[host.name]?[certificate.lineage]
      let drift = drift(of: certificate.lineage, on: host, under: policy, in: snapshot, for: push)
      guard
        let cause = cause(certificate, on: host, kept: kept, in: snapshot, for: push)
          ?? drift.map({ .init($0.drift.kind) })
      else { return nil }
      var due = certificate
      due.cause = cause
      if let kept {
        due.replaces = .init(
          generation: kept.generation, fingerprint: kept.fingerprint, servesUntil: kept.servesUntil)
        due.deadline = kept.generation == certificate.generation ? nil : deadline(kept, in: snapshot)
      } else if let found = snapshot.onHosts[host.name]?[certificate.lineage] {
        // Enough to look for it, and too little to go back to it.
        due.replaces = .init(
          generation: Generation(0), fingerprint: found.fingerprint, servesUntil: found.servesUntil)
      }
      if let drift { due.mend(drift) }
      due.isReturn =
        cause == .hooks || cause == .notServed
        || snapshot.former[host.name]?[certificate.lineage]?.contains(certificate.generation) ?? false
      return due
    }
    return due.isEmpty ? nil : PlannedVisit(host: host, certificates: due)
  }

  private static func isAhead(
    _ host: Host, of certificate: PlannedCertificate, in snapshot: PlanningSnapshot, at now: Date
  ) -> HostAhead? {
    guard let has = snapshot.unknown[host.name]?[certificate.lineage], has >= certificate.generation else {
      return nil
    }
    let found = snapshot.onHosts[host.name]?[certificate.lineage]
    return HostAhead(
      host: host.name, lineage: certificate.lineage, has: has, newest: certificate.generation,
      until: found?.isValid(at: now) == true ? found?.notAfter : nil)
  }

  private static func cause(
    _ certificate: PlannedCertificate, on host: Host, kept: Certificate?, in snapshot: PlanningSnapshot,
    for push: PlanRequest.Push
  ) -> PlannedCertificate.Cause? {
    let isThere = kept?.generation == certificate.generation
    switch push {
    case .hooksOnly: return isThere ? .hooks : nil
    case .everything where isThere: return .forced
    case .due, .everything:
      guard let kept else { return .first }
      guard kept.generation == certificate.generation else { return .generation }
      guard let files = snapshot.keptFiles[host.name]?[certificate.lineage] else { return nil }
      return files == certificate.files ? nil : .files
    }
  }

  /// What is to be mended; of what is asked for by a person whatever was seen.
  private static func drift(
    of lineage: Lineage.Name, on host: Host, under policy: RolloutPolicy, in snapshot: PlanningSnapshot,
    for push: PlanRequest.Push
  ) -> OpenDrift? {
    guard let drift = snapshot.drift[host.name]?[lineage] else { return nil }
    switch push {
    case .everything: return drift
    case .hooksOnly: return nil
    case .due: return policy.drift == .mend && !drift.isLeft ? drift : nil
    }
  }

  private static func left(
    _ lineage: Lineage.Name, on host: Host, under policy: RolloutPolicy, in snapshot: PlanningSnapshot
  ) -> DriftedHost? {
    guard let open = snapshot.drift[host.name]?[lineage] else { return nil }
    if policy.drift == .report {
      return DriftedHost(host.name, lineage, under: policy.name, open.drift, why: .policy)
    }
    return open.isLeft
      ? DriftedHost(host.name, lineage, under: policy.name, open.drift, why: .mendedTwice) : nil
  }

  /// When a certificate that a host has must have been replaced.
  private static func deadline(_ kept: Certificate, in snapshot: PlanningSnapshot) -> Date {
    if let revokedAt = kept.revokedAt { return revokedAt }
    guard let advice = snapshot.advice[kept.lineage], advice.generation == kept.generation,
      let window = advice.window
    else { return kept.notAfter }
    return min(window.end, kept.notAfter)
  }

  /// Hosts that are not tried again yet.
  private static func held(
    _ visits: [PlannedVisit], under policy: RolloutPolicy.Name, in snapshot: PlanningSnapshot, at now: Date
  ) -> [DeferredHost] {
    let backoffs = snapshot.backoffs[policy] ?? [:]
    return visits.compactMap { visit in
      guard let backoff = backoffs[visit.host.name], backoff.holds(visit, at: now) else { return nil }
      return DeferredHost(visit.host.name, under: policy, by: backoff)
    }
  }
}

extension PlannedCertificate {
  /// What the host has is not what it was left with.
  fileprivate mutating func mend(_ open: OpenDrift) {
    switch open.drift.kind {
    // Nothing to go back to.
    case .gone: replaces = nil
    case .older, .other, .damaged:
      // What is there now is what it goes back to, as far as it can be told.
      replaces?.fingerprint = open.fingerprint ?? Self.notIssued
      replacesOthers = open.drift.kind != .older
    case .notServed: break
    }
  }
}
