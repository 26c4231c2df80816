package import Fleet
import FoundationEssentials
import Issuance
import Planning
import Storage
package import System

/// Going back: hosts get a generation again that they had before.
extension Controller {
  /// What hosts are to go back to, and which of them.
  package struct GoingBack: Sendable {
    package let targets: [Certificate]
    let plan: PlanRequest
  }

  /// To a certificate's previous generation, or to the one that is named; one that was gone back from, too.
  package func revertTarget(_ name: String, to generation: String?) async throws -> GoingBack {
    let lineage = try await single(named: name).name
    let all = try await store.certificates(of: lineage)
    let wanted = try await store.newestCertificates()[lineage]
    let target: Certificate
    if let generation {
      guard let found = all.first(where: { $0.generation.description == generation }) else {
        throw ControllerError.noGeneration(generation, of: lineage, known: all.map(\.generation))
      }
      target = found
    } else {
      guard let wanted, let before = all.last(where: { $0.generation < wanted.generation }) else {
        throw ControllerError.nothingBefore(lineage)
      }
      target = before
    }
    guard target.generation != wanted?.generation else { throw ControllerError.isWanted(target) }
    try Self.checkServes(target)
    return GoingBack(targets: [target], plan: PlanRequest(ignoresPauses: true))
  }

  /// The hosts of a rollout, to what they had before it.
  package func rollbackTarget(_ number: Int) async throws -> GoingBack {
    let rollout = try await rollout(number)
    guard rollout.state.isEnd else { throw ControllerError.notEnded(rollout) }
    let newest = try await store.newestCertificates()
    var targets: [Certificate] = []
    for lineage in rollout.plan.lineages {
      let planned = rollout.plan.visits.flatMap(\.certificates).filter { $0.lineage == lineage }
      guard let brought = planned.first?.generation, newest[lineage]?.generation == brought else {
        throw ControllerError.goneOn(lineage, since: rollout)
      }
      let before = planned.compactMap { $0.replaces?.generation }.filter { $0 < brought }.max()
      guard let before,
        let target = try await store.certificates(of: lineage).first(where: { $0.generation == before })
      else { throw ControllerError.wasFirst(lineage, rollout) }
      try Self.checkServes(target)
      targets.append(target)
    }
    return GoingBack(
      targets: targets,
      plan: PlanRequest(ignoresPauses: true, hosts: Set(rollout.plan.visits.map(\.host.name))))
  }

  /// Tells what is wanted again, and until which generation is issued.
  package func tell(_ back: GoingBack) async throws {
    let latest = try await store.latestCertificates()
    for target in back.targets { tell(.wanted(target, until: latest[target.lineage]?.generation.next)) }
  }

  /// Makes it what is wanted, tells so, and rolls it out.
  package func goBack(_ back: GoingBack, stop: StopSignal = StopSignal()) async throws -> RunResult {
    try await leased(stop: stop) { carrier in
      for target in back.targets { try await store.goBack(to: target, now: Date()) }
      try await tell(back)
      let request = RunRequest(only: Set(back.targets.map(\.lineage)), plan: back.plan, issues: false)
      return try await Run(self, request, stop: stop, carrier: carrier).run()
    }
  }

  /// Whether servers should serve it.
  private static func checkServes(_ target: Certificate) throws {
    if target.revokedAt != nil || target.isAboutToEnd(at: Date()) {
      throw ControllerError.ending(target, at: Date())
    }
  }
}
