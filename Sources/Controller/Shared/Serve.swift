import Fleet
import FoundationEssentials
import Issuance
import Planning
import Storage
package import System

extension Controller {
  /// Runs whenever something is due or somebody has said something, until a stop is requested. Where several share the state, one of
  /// them leads each run and all of them carry it out.
  ///
  /// - Parameter ended: hears how each run has ended that this controller led.
  package func serve(stop: StopSignal, ended: (RunResult) -> Void) async throws {
    if isShared { return try await serveShared(stop, ended) }
    while !stop.isRequested {
      // Our own writing is no change.
      let known = try await store.revision()
      var next = Date()
      do {
        ended(try await run(RunRequest(), stop: stop))
        next = try await nextMoment(after: next)
      } catch is ControllerLease.Held { next += 5 }
      while !stop.isRequested, Date() < next, try await store.revision() == known {
        try await stop.sleep(for: .seconds(1))
      }
    }
  }

  private static let betweenRuns = 15.0

  /// When something will be due that can be told beforehand; no later than in an hour.
  func nextMoment(after now: Date) async throws -> Date {
    var moments = [now.addingTimeInterval(3600)]
    let (newest, advice) = (try await store.newestCertificates(), try await store.renewalAdvice())
    for lineage in try await issuable() {
      if let certificate = newest[lineage.name] {
        moments.append(certificate.renewalMoment(advised: advice[lineage.name]))
      }
    }
    moments += try await store.orderBackoffs().values.flatMap(\.values).map(\.retryAt)
    for rollout in try await store.openRollouts() {
      moments += rollout.plan.policy.windows.flatMap { $0.openings(around: now) }.map(\.start)
      let wait = RolloutWait(
        of: rollout.plan, at: try await store.ledger(of: rollout.id),
        try await store.instructions(for: rollout.id), now: now)
      if case .bake(_, let end) = wait { moments.append(end) }
      // Whoever led it was stopped.
      if wait == nil, rollout.state != .paused { moments.append(now.addingTimeInterval(Self.betweenRuns)) }
    }
    // What is due already and was not done now waits for something else.
    return moments.filter { $0 > now }.min() ?? now
  }

  #if PostgreSQL
    private func serveShared(_ stop: StopSignal, _ ended: (RunResult) -> Void) async throws {
      let lease = try lease()
      defer { withExtendedLifetime(lease) {} }
      try await FleetSession.during(self, takesPart: true) { session in
        try await working(stop) { worker in
          var service = SharedService(self, session.session, worker, stop)
          try await service.run(ended)
        }
      }
    }
  #else
    private func serveShared(_ stop: StopSignal, _ ended: (RunResult) -> Void) async throws {}
  #endif
}
