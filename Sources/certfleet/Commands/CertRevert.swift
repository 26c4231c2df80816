import Fleet
import Foundation
import Issuance
import Planning
import Reporting
import Storage

extension Command {
  static let certRevert = Command(
    words: ["cert", "revert"],
    summary: "take hosts back to a certificate's previous generation, which they still have",
    operands: ["CERT"],
    options: [
      Option(name: "to", value: "N", help: "to this generation; one that was gone back from, too"),
      Option(name: "dry-run", help: "only show what would be done; contacts nobody"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let target = try await session.revertTarget(invocation)
    let newest = try await session.store.latestCertificates()[target.lineage]
    Console.standard.say(
      "\(target.lineage): generation \(target.generation) (\(target.fingerprint.short), until \(target.notAfter.ISO8601Format())) is wanted; it stays until generation \((newest?.generation ?? target.generation).next) is issued: certfleet cert renew \(target.lineage.declared)"
    )
    guard !invocation.has("dry-run") else { return .converged }
    let lease = try ControllerLease(home: session.home, now: Date())
    try await session.store.goBack(to: target, now: Date())
    return try await session.rollOut(
      FleetRun.Errand(only: [target.lineage], request: PlanRequest(ignoresPauses: true)), under: lease,
      invocation)
  }
}

extension Session {
  /// The generation to go back to, when it is one that servers should serve.
  fileprivate func revertTarget(_ invocation: Invocation) async throws -> Certificate {
    let lineages = try await issuable(named: invocation.operands[0])
    guard lineages.count == 1, let lineage = lineages.first?.name else {
      throw BadInput(
        "\(invocation.operands[0].visible) is another certificate on each host; name one, such as \(lineages.first?.name.rawValue ?? "CERT@HOST")"
      )
    }
    let all = try await store.certificates(of: lineage)
    let wanted = try await store.newestCertificates()[lineage]
    let target: Certificate
    if let text = invocation["to"] {
      guard let found = all.first(where: { $0.generation.description == text }) else {
        throw BadInput(
          "\(lineage) has no generation '\(text.visible)'; there are \(all.map(\.generation.description).joined(separator: ", "))"
        )
      }
      target = found
    } else {
      guard let wanted, let before = all.last(where: { $0.generation < wanted.generation }) else {
        throw BadInput("\(lineage) has no earlier generation to go back to")
      }
      target = before
    }
    if target.generation == wanted?.generation {
      throw BadInput("generation \(target.generation) of \(lineage) is what hosts are to have already")
    }
    try checkServes(target)
    return target
  }

  /// Whether servers should serve it.
  func checkServes(_ target: Certificate) throws {
    let (lineage, name) = (target.lineage, "generation \(target.generation) of \(target.lineage)")
    if target.revokedAt != nil {
      throw BadInput("\(name) is revoked; renew instead: certfleet cert renew \(lineage)")
    }
    if target.isAboutToEnd(at: Date()) {
      let ends = target.notAfter <= Date() ? "has expired" : "is about to expire"
      throw BadInput(
        "\(name) \(ends) (\(target.notAfter.ISO8601Format())); renew instead: certfleet cert renew \(lineage)"
      )
    }
  }
}
