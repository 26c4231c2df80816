import Engine
package import Fleet
import FoundationEssentials
package import Planning
import Reporting
import Storage
package import System

/// The main job, and rollouts by hand: each is a run that is for something less.
extension Controller {
  /// Renews what is due and rolls out what is not where it should be.
  package func run(_ request: RunRequest, stop: StopSignal = StopSignal()) async throws -> RunResult {
    if isShared { return try await shareRun(request, stop: stop) }
    return try await leased { try await run(request, stop: stop, carrier: nil) }
  }

  func run(_ request: RunRequest, stop: StopSignal, carrier: (any VisitCarrier)?) async throws -> RunResult {
    #if PostgreSQL
      let epoch = isShared && request.isWhole ? try await store.drawEpoch() : nil
    #endif
    try await Run.lookAfterRestore(self)
    let result = try await Run(self, request, stop: stop, carrier: carrier).run()
    try await tellWorld(of: result)
    #if PostgreSQL
      if let epoch, !stop.isRequested { try await store.noteOrdersSeen(before: epoch) }
    #endif
    if isShared { try await store.tieLogs(now: Date()) }
    return result
  }

  /// Policies whose windows are closed now, of what a run would do.
  package func closedWindows(of request: RunRequest) async throws -> [RolloutPolicy.Name] {
    let plans = try await preview(request).rollouts + (try await store.openRollouts().map(\.plan))
    let closed = plans.filter { if case .closed = Gate.window(of: $0, at: Date()) { true } else { false } }
    return Array(Set(closed.map(\.policy.name))).sorted()
  }

  /// What `run` is for: everything, or where names are given, these now if they are due.
  package func runRequest(only names: [String]?) async throws -> RunRequest {
    guard try await !store.lineages().isEmpty else { throw ControllerError.nothingDeclared }
    let only = try await issuable(named: names).map { Set($0.map(\.name)) }
    return RunRequest(only: only, plan: PlanRequest(ignoresPauses: only != nil))
  }

  /// For one certificate what `run` does for all.
  ///
  /// - Parameters:
  ///   - selector: only to these of its hosts.
  ///   - push: whether what is there already is pushed again, or its hooks alone are run.
  package func startRequest(
    _ name: String, to selector: String?, push: PlanRequest.Push
  ) async throws -> RunRequest {
    let lineages = try await issuable(named: name)
    var plan = PlanRequest(push: push, ignoresPauses: true)
    if let selector { plan.hosts = Set(try await hosts(selector, of: lineages).map(\.name)) }
    return RunRequest(only: Set(lineages.map(\.name)), plan: plan, issues: push != .hooksOnly)
  }

  /// The hosts of a rollout that failed or were not started, as a new rollout.
  package func retryRequest(_ number: Int) async throws -> RunRequest {
    let rollout = try await rollout(number)
    guard rollout.state.isEnd else { throw ControllerError.notEnded(rollout) }
    let ledger = try await store.ledger(of: rollout.id)
    let left = rollout.plan.visits.filter { ledger.end(of: $0.host.name)?.account != .success }
    guard !left.isEmpty else { throw ControllerError.nothingToRetry(rollout) }
    let newest = try await store.newestCertificates()
    let certificates = left.flatMap(\.certificates)
    for certificate in certificates where newest[certificate.lineage]?.generation != certificate.generation {
      throw ControllerError.noLongerWanted(certificate.lineage, certificate.generation)
    }
    return RunRequest(
      only: Set(certificates.map(\.lineage)),
      plan: PlanRequest(
        push: .again(certificates), ignoresPauses: true, hosts: Set(left.map(\.host.name))),
      issues: false)
  }

  /// Of the hosts that certificates go to, those that a selector picks.
  ///
  /// - Parameter text: `nil` picks all of them.
  func hosts(_ text: String?, of lineages: [Lineage]) async throws -> [Host] {
    try pick(
      text,
      among: try await store.hosts().filter { host in lineages.contains { $0.goes(to: host) } })
  }

  /// - Parameter text: a selector; `nil` picks all.
  func pick(_ text: String?, among all: [Host]) throws -> [Host] {
    guard let text else { return all }
    let selector: Selector
    do {
      selector = try Selector(text)
    } catch { throw ControllerError.badSelector(text, because: error) }
    let picked = all.filter(selector.matches)
    guard !picked.isEmpty else { throw ControllerError.selectsNone(text, of: all.map(\.name)) }
    return picked
  }
}

extension PlanRequest.Push {
  /// What was asked for when these were planned: hooks that failed are run again, though nothing is due.
  fileprivate static func again(_ certificates: [PlannedCertificate]) -> PlanRequest.Push {
    let causes = Set(certificates.compactMap(\.cause))
    if causes == [.hooks] { return .hooksOnly }
    return causes.contains(.forced) ? .everything : .due
  }
}
