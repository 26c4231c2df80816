import Controller
import Fleet
import FoundationEssentials
import Reporting

extension Command {
  static let certRetire = Command(
    words: ["cert", "retire"],
    summary:
      "take a certificate away from hosts where it is no longer declared to go, with its key, in waves",
    operands: ["CERT"],
    options: [
      Option(name: "to", value: "SELECTOR", help: "only from these of its hosts"),
      Option(name: "revoke", help: "have the CA revoke what no host has any more"),
    ] + retireOptions
  ) { invocation in
    var request = RetireRequest(.certificate(invocation.operands[0]))
    request.selector = invocation["to"]
    request.revokes = invocation.has("revoke")
    return try await invocation.retire(request)
  }

  static let hostRetire = Command(
    words: ["host", "retire"],
    summary: "take everything of certfleet's away from hosts that are no longer declared to have any",
    operands: ["HOST..."], options: retireOptions
  ) { invocation in try await invocation.retire(RetireRequest(.hosts(invocation.operands))) }

  private static let retireOptions = [
    Option(
      name: "give-back", value: "certbot",
      help: "where it was taken over: certbot's own come back, with what hosts have as their newest"),
    Option(name: "forget", help: "the hosts are gone: only forget what they had; contacts none of them"),
    .dryRun, .yes,
  ]
}

extension Invocation {
  fileprivate func retire(_ request: RetireRequest) async throws -> ExitStatus {
    var request = request
    request.onlyForgets = has("forget")
    if let whom = self["give-back"] {
      guard whom == "certbot" else {
        throw UsageError(
          message:
            "--give-back \(whom.visible): only certbot's are taken over, and given back: --give-back certbot",
          command: command)
      }
      request.givesBack = true
    }
    let controller = try controller()
    let retirement = try await controller.retirement(request)
    if retirement.isDone {
      Console.standard.result("\(operands[0]) is retired already\n")
      return .converged
    }
    let asked = retirement.lines(request).joined(separator: "\n")
    if has("dry-run") {
      Console.standard.result(asked + "\n")
      return .converged
    }
    if !retirement.left.isEmpty {
      let what =
        request.onlyForgets
        ? "forget that" : request.givesBack ? "give that back to certbot" : "take that away"
      guard try confirm("\(asked)\n\(what)?") else { throw Declined(description: "nothing was taken away") }
    }
    let wanted = request
    let result = try await Interrupt.handled { try await controller.retire(wanted, stop: $0) }
    var status = result.run.map { show($0, summarizes: false) } ?? .converged
    let stays = Set(result.left)
    let gone = Dictionary(
      grouping: retirement.left.filter { !stays.contains($0) }, by: \.lineage)
    for (lineage, gone) in gone.sorted(by: { $0.key < $1.key }) {
      let verb =
        request.onlyForgets
        ? "forgotten on" : request.givesBack ? "given back to certbot on" : "taken away from"
      Console.standard.result("\(lineage): \(verb) \(HostSet.folded(gone.map(\.host)))\n")
    }
    for certificate in result.revoked {
      Console.standard.result(
        "\(certificate.lineage) generation \(certificate.generation) is revoked\n")
    }
    for (lineage, erased) in Dictionary(grouping: result.erased, by: \.lineage).sorted(by: { $0.key < $1.key }
    ) {
      let until = erased.filter { $0.revokedAt == nil && $0.notAfter > Date() }.map(\.notAfter).max()
      let valid =
        request.revokes ? nil : until.map { "; it was not revoked and is valid until \($0.ISO8601Format())" }
      Console.standard.result(
        "\(lineage) is on no host any more and forgotten here, with its keys\(valid ?? "")\n")
    }
    for line in LeftOvers.lines(of: result.left) {
      Console.standard.say("certfleet: \(line)")
      if status == .converged { status = .failed }
    }
    return status
  }
}

extension Retirement {
  /// What goes from where.
  fileprivate func lines(_ request: RetireRequest) -> [String] {
    guard !left.isEmpty else {
      let names = lineages.map(\.rawValue).sorted() + hosts.map(\.rawValue).sorted()
      return ["nothing is on hosts; \(names.joined(separator: ", ")) would be forgotten here"]
    }
    let gone = Dictionary(grouping: left, by: \.lineage).sorted { $0.key < $1.key }.map { lineage, left in
      "\(lineage): \(HostSet.folded(left.map(\.host)))"
    }
    guard !request.onlyForgets, !unreachable.isEmpty else { return gone }
    return gone + [
      "how \(HostSet.folded(Set(unreachable.map(\.host)))) was reached is not known any more: declare it once more, or if it is gone: --forget"
    ]
  }
}
