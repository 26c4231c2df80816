import Engine
package import Fleet
import FoundationEssentials
import Planning
import Storage
package import System

/// What came of it.
package struct RetireResult: Sendable {
  /// `nil` where no host had to be visited.
  package var run: RunResult?
  /// What is still on hosts.
  package var left: [LeftOver]
  package var erased: [Certificate]
  package var revoked: [Certificate]
}

extension Controller {
  /// Takes it away, in waves, and forgets what no host has any more.
  package func retire(_ request: RetireRequest, stop: StopSignal = StopSignal()) async throws -> RetireResult
  {
    try await leased(stop: stop) { carrier in
      let retirement = try await retirement(request)
      var run: RunResult?
      if request.onlyForgets {
        try await store.forget(retirement.left, because: "the host is gone", now: Date())
      } else if !retirement.left.isEmpty {
        run = try await Run(self, RunRequest(only: []), stop: stop, carrier: carrier).retire(retirement)
      }
      let places = Set(try await store.leftOvers().map(\.place))
      let left = retirement.left.filter { places.contains($0.place) }
      let done = retirement.lineages.subtracting(places.map(\.lineage))
      let revoked = request.revokes ? try await revokeValid(done) : []
      let erased = try await store.forgetRetired(done, now: Date())
      try await store.unpin(retirement.hosts.subtracting(left.map(\.host)), now: Date())
      return RetireResult(run: run, left: left, erased: erased, revoked: revoked)
    }
  }

  private func revokeValid(_ lineages: Set<Lineage.Name>) async throws -> [Certificate] {
    var revoked: [Certificate] = []
    for lineage in lineages.sorted() {
      for certificate in try await store.certificates(of: lineage)
      where certificate.revokedAt == nil && certificate.notAfter > Date() {
        try await revokeLeased(certificate, .cessationOfOperation, byKey: false)
        revoked.append(certificate)
      }
    }
    return revoked
  }
}

extension Run {
  /// Goes on with what is open, an interrupted retirement, too; then takes away what is left.
  func retire(_ retirement: Retirement) async throws -> RunResult {
    var waiting = PlanRequest()
    let open = try await goOnWithOpen(&waiting)
    var (outcome, rollouts) = (open.outcome, open.rollouts)
    let places = Set(try await controller.store.leftOvers().map(\.place))
    let retired = retirement.retired.filter {
      places.contains(.init(host: $0.host.name, lineage: $0.certificate.lineage))
        && waiting.underWay[$0.policy.name]?.contains($0.certificate.lineage) != true
    }
    let snapshot = try await controller.store.planningSnapshot()
    for plan in Planner.retirement(of: retired, in: snapshot) where !stop.isRequested {
      let begun = try await begin([plan], unsettled: [])
      outcome = outcome.combined(with: begun.outcome)
      rollouts += begun.rollouts
    }
    var result = try await result(outcome, rollouts, nothingDone: rollouts.isEmpty)
    // Whatever else of the fleet is not as it should be.
    result.outcome = outcome
    return result
  }
}
