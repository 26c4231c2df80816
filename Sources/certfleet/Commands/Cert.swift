import Fleet
import Foundation
import Issuance
import Reporting
import Storage

extension Command {
  static let certList = Command(
    words: ["cert", "list"],
    summary: "show the certificates, their newest generation and when they are renewed",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let session = try Session(invocation)
    let newest = try await session.store.newestCertificates()
    let advice = try await session.store.renewalAdvice()
    let ordered = Set(try await session.store.declaration().issuers.filter { $0.acme != nil }.map(\.name))
    let certificates = try await session.issuable().map { lineage in
      ListedCertificate(
        lineage: lineage, newest: newest[lineage.name],
        renewal: ordered.contains(lineage.issuer)
          ? newest[lineage.name]?.renewalMoment(advised: advice[lineage.name]) : nil)
    }
    Console.standard.result(
      invocation.has("json")
        ? try JSONText.encode(certificates, as: .certificates)
        : Listing.certificates(certificates, now: Date()))
    return .converged
  }

  static let issuingOptions = [
    Option(name: "dry-run", help: "only show what would be ordered; contacts nobody"),
    Option(name: "staging", help: "rehearse with the CA's staging directory; the certificate is not kept"),
  ]

  static let certIssue = Command(
    words: ["cert", "issue"],
    summary: "issue what is due of these certificates now, whatever failed before; run rolls it out",
    operands: ["CERT..."], options: issuingOptions
  ) { invocation in
    try await Session(invocation).issue(named: invocation.operands, request: .dueNow, invocation)
  }

  static let certRenew = Command(
    words: ["cert", "renew"],
    summary: "issue a certificate's next generation now, due or not; run rolls it out",
    operands: ["CERT..."], options: issuingOptions
  ) { invocation in
    try await Session(invocation).issue(named: invocation.operands, request: .all, invocation)
  }
}

extension Session {
  fileprivate func issue(
    named names: [String], request: DueList.Request, _ invocation: Invocation
  ) async throws -> ExitCode {
    var lineages: [Lineage] = []
    for name in names {
      for lineage in try await issuable(named: name) where !lineages.contains(lineage) {
        lineages.append(lineage)
      }
    }
    // What is asked for by name is rehearsed, due or not.
    return try await issue(lineages, request: invocation.has("staging") ? .all : request, invocation)
  }

  /// Issues as the options `--dry-run` and `--staging` say.
  func issue(
    _ lineages: [Lineage], request: DueList.Request, _ invocation: Invocation
  ) async throws -> ExitCode {
    let isRehearsal = invocation.has("staging")
    let lease = invocation.has("dry-run") ? nil : try ControllerLease(home: home, now: Date())
    defer { withExtendedLifetime(lease) {} }
    let due = try await DueList(
      lineages, request: request, store: store, now: Date(), isRehearsal: isRehearsal)
    if invocation.has("dry-run") || due.isEmpty {
      Console.standard.result(due.isEmpty ? "nothing to do\n" : due.text)
      return .converged
    }
    let desk = IssuingDesk(store: store, hosts: try await hostErrands(invocation), isRehearsal: isRehearsal)
    try await desk.takeAwayWhatIsLeft()
    return try await desk.carryOut(due) ? .converged : .failed
  }
}
