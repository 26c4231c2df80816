import Fleet
import Foundation
import Planning
import Reporting
import Storage
import struct Fleet.Host

/// Rollouts by hand.
extension Command {
  static let rolloutStart = Command(
    words: ["rollout", "start"], summary: "do for one certificate what run would do for all, now",
    operands: ["CERT"],
    options: [
      Option(name: "to", value: "SELECTOR", help: "only to these of its hosts"),
      Option(name: "force", help: "push again what is already there, and run its hooks"),
      Option(name: "hooks-only", help: "run the hooks of what is there, and change nothing"),
      Option(name: "dry-run", help: "only show what would be done; contacts nobody"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let lineages = try await session.issuable(named: invocation.operands[0])
    if invocation.has("force"), invocation.has("hooks-only") {
      throw UsageError(
        message: "--hooks-only pushes nothing, and --force pushes again; choose one",
        command: invocation.command)
    }
    var errand = FleetRun.Errand(only: Set(lineages.map(\.name)))
    errand.request.ignoresPauses = true
    if let text = invocation["to"] { errand.request.hosts = try await session.hosts(text, of: lineages) }
    if invocation.has("force") { errand.request.push = .everything }
    if invocation.has("hooks-only") { (errand.request.push, errand.issues) = (.hooksOnly, false) }
    return try await session.start(errand, invocation)
  }

  static let rolloutRetry = Command(
    words: ["rollout", "retry"],
    summary: "try again, as a new rollout, the hosts of a rollout that failed or were not started",
    operands: ["N"], options: [Option(name: "dry-run", help: "only show what would be done; contacts nobody")]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.rollout(invocation)
    guard rollout.state.isEnd else {
      throw BadInput("rollout \(rollout.id) has not ended; go on with: certfleet run")
    }
    let ledger = try await session.store.ledger(of: rollout.id)
    let left = rollout.plan.visits.filter { ledger.end(of: $0.host.name)?.account != .success }
    guard !left.isEmpty else {
      throw BadInput("every host of rollout \(rollout.id) has got there; there is nothing to try again")
    }
    let newest = try await session.store.newestCertificates()
    for certificate in left.flatMap(\.certificates)
    where newest[certificate.lineage]?.generation != certificate.generation {
      throw BadInput(
        "generation \(certificate.generation) of \(certificate.lineage) is no longer what is wanted; roll out what is: certfleet rollout start \(certificate.lineage.declared)"
      )
    }
    var errand = FleetRun.Errand(only: Set(left.flatMap { $0.certificates.map(\.lineage) }), issues: false)
    errand.request = PlanRequest(
      push: .again(left.flatMap(\.certificates)), ignoresPauses: true, hosts: Set(left.map(\.host.name)))
    return try await session.start(errand, invocation)
  }

  static let rolloutRollback = Command(
    words: ["rollout", "rollback"],
    summary: "take the hosts of a rollout back, as a new rollout, to what they had before",
    operands: ["N"], options: [Option(name: "dry-run", help: "only show what would be done; contacts nobody")]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.rollout(invocation)
    guard rollout.state.isEnd else {
      throw BadInput(
        "rollout \(rollout.id) has not ended; end it first: certfleet rollout cancel \(rollout.id)")
    }
    let targets = try await session.targets(of: rollout)
    for target in targets {
      Console.standard.say(
        "\(target.lineage): generation \(target.generation) (\(target.fingerprint.short), until \(target.notAfter.ISO8601Format())) is wanted again, until the next one is issued: certfleet cert renew \(target.lineage.declared)"
      )
    }
    guard !invocation.has("dry-run") else { return .converged }
    let lease = try ControllerLease(home: session.home, now: Date())
    for target in targets { try await session.store.goBack(to: target, now: Date()) }
    var errand = FleetRun.Errand(only: Set(targets.map(\.lineage)), issues: false)
    errand.request = PlanRequest(ignoresPauses: true, hosts: Set(rollout.plan.visits.map(\.host.name)))
    return try await session.rollOut(errand, under: lease, invocation)
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

extension Session {
  fileprivate func start(_ errand: FleetRun.Errand, _ invocation: Invocation) async throws -> ExitCode {
    if invocation.has("dry-run") {
      try await showPlan(invocation, for: errand)
      return .converged
    }
    return try await rollOut(errand, under: try ControllerLease(home: home, now: Date()), invocation)
  }

  /// Of the hosts that certificates go to, those that a selector picks.
  fileprivate func hosts(_ text: String, of lineages: [Lineage]) async throws -> Set<Host.Name> {
    let selector: Selector
    do {
      selector = try Selector(text)
    } catch { throw BadInput("--to '\(text.visible)' is not a selector: \(error)") }
    let all = try await store.hosts().filter { host in
      lineages.contains { $0.deployments.contains { $0.selector.matches(host) } }
    }
    let picked = all.filter(selector.matches)
    guard !picked.isEmpty else {
      throw BadInput(
        "--to '\(text.visible)' picks none of the hosts that the certificate goes to: \(HostSet.folded(all.map(\.name)).shortened(to: 200))"
      )
    }
    return Set(picked.map(\.name))
  }

  /// What a rollout's hosts go back to: of each of its certificates, what they had before.
  fileprivate func targets(of rollout: Rollout) async throws -> [Certificate] {
    let newest = try await store.newestCertificates()
    var targets: [Certificate] = []
    for lineage in rollout.plan.lineages {
      let planned = rollout.plan.visits.flatMap(\.certificates).filter { $0.lineage == lineage }
      guard let brought = planned.first?.generation, newest[lineage]?.generation == brought else {
        throw BadInput(
          "\(lineage) has gone on since rollout \(rollout.id); choose a generation: certfleet cert revert \(lineage) --to N"
        )
      }
      let before = planned.compactMap { $0.replaces?.generation }.filter { $0 < brought }.max()
      guard let before,
        let target = try await store.certificates(of: lineage).first(where: { $0.generation == before })
      else {
        throw BadInput(
          "rollout \(rollout.id) was the first to bring \(lineage); there is nothing to go back to")
      }
      try checkServes(target)
      targets.append(target)
    }
    return targets
  }
}
