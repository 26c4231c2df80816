import Controller
import Fleet
import Issuance
import Reporting

extension Command {
  static let certList = Command(
    words: ["cert", "list"],
    summary: "show the certificates, their newest generation and when they are renewed", options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().listCertificates())
    return .converged
  }

  static let certShow = Command(
    words: ["cert", "show"],
    summary: "show all about a certificate: when it is renewed, what failed, who has it",
    operands: ["CERT"], options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().certificateDetails(invocation.operands[0]))
    return .converged
  }

  private static let issuingOptions = [
    Option(name: "dry-run", help: "only show what would be ordered; contacts nobody"),
    Option(name: "force", help: "also for a certificate none of whose hosts can be visited"),
    Option(name: "staging", help: "rehearse with the CA's staging directory; the certificate is not kept"),
  ]

  static let certIssue = Command(
    words: ["cert", "issue"],
    summary: "issue what is due of these certificates now, whatever failed before; run rolls it out",
    operands: ["CERT..."], options: issuingOptions
  ) { try await $0.issue(.dueNow) }

  static let certRenew = Command(
    words: ["cert", "renew"],
    summary: "issue a certificate's next generation now, due or not; run rolls it out",
    operands: ["CERT..."], options: issuingOptions
  ) { try await $0.issue(.all) }

  static let certExport = Command(
    words: ["cert", "export"],
    summary: "write a certificate and its key into a new or empty folder, as certbot names them",
    operands: ["CERT", "DIR"],
    options: [Option(name: "generation", value: "N", help: "another than the newest")]
  ) { invocation in
    let controller = try invocation.controller()
    let certificate = try await controller.certificate(
      invocation.operands[0], generation: invocation["generation"])
    let written = try await controller.export(certificate, to: invocation.operands[1])
    for path in written.paths { Console.standard.result(path + "\n") }
    if !written.hasKey {
      Console.standard.say(
        "certfleet: the private key is on \(certificate.lineage.host?.rawValue ?? "its host") alone")
    }
    return .converged
  }

  static let certRevert = Command(
    words: ["cert", "revert"],
    summary: "take hosts back to a certificate's previous generation, which they still have",
    operands: ["CERT"],
    options: [
      Option(name: "to", value: "N", help: "to this generation; one that was gone back from, too"), .dryRun,
    ]
  ) { invocation in
    let controller = try invocation.controller()
    return try await invocation.goBack(
      try await controller.revertTarget(invocation.operands[0], to: invocation["to"]), by: controller)
  }

  static let certRevoke = Command(
    words: ["cert", "revoke"], summary: "have the CA revoke a certificate; the next run issues another",
    operands: ["CERT"],
    options: [
      Option(name: "generation", value: "N", help: "another than the newest"),
      Option(
        name: "reason", value: "REASON",
        help: RevocationReason.allCases.map(\.rawValue).joined(separator: ", ")),
      Option(name: "by-key", help: "sign with the certificate's own key and not the account's"), .yes,
      Option(name: "dry-run", help: "only show what would be revoked; contacts nobody"),
    ]
  ) { invocation in
    let controller = try invocation.controller()
    let reason = try invocation.revocationReason()
    let certificate = try await controller.certificateToRevoke(
      invocation.operands[0], generation: invocation["generation"])
    let what =
      "generation \(certificate.generation) of \(certificate.lineage) (\(certificate.fingerprint.short))"
    if invocation.has("dry-run") {
      Console.standard.result("\(what) would be revoked: \(reason.rawValue)\n")
      return .converged
    }
    let hosts = try await controller.hosts(with: certificate)
    if !hosts.isEmpty {
      let question =
        "revoke \(what), which \(HostSet.folded(hosts)) \(hosts.count == 1 ? "serves" : "serve") until another is issued and rolled out?"
      guard try invocation.confirm(question) else { throw Declined(description: "nothing was revoked") }
    }
    try await controller.revoke(certificate, reason, byKey: invocation.has("by-key"))
    Console.standard.result("\(what) is revoked: \(reason.rawValue); run issues another and rolls it out\n")
    return .converged
  }
}

extension Invocation {
  /// What is asked for by name is rehearsed, due or not.
  fileprivate func issue(_ urgency: DueCertificates.Urgency) async throws -> ExitStatus {
    let isRehearsal = has("staging")
    return try await issue(
      Controller.IssueRequest(
        names: operands, urgency: isRehearsal ? .all : urgency, isRehearsal: isRehearsal,
        isForced: has("force")))
  }

  /// Issues, or with `--dry-run` shows what would be.
  func issue(_ request: Controller.IssueRequest) async throws -> ExitStatus {
    let controller = try controller()
    if has("dry-run") {
      let due = try await controller.due(request)
      Console.standard.result(due.isEmpty ? "nothing to do\n" : ListedDue.text(of: due.listed))
      return .converged
    }
    let issued = try await Interrupt.handled { try await controller.issue(request, stop: $0) }
    if issued.due.isEmpty { Console.standard.result("nothing to do\n") }
    return issued.isComplete ? .converged : .failed
  }

  /// Takes hosts back, or with `--dry-run` tells to what.
  func goBack(_ back: Controller.GoingBack, by controller: Controller) async throws -> ExitStatus {
    if has("dry-run") {
      try await controller.tell(back)
      return .converged
    }
    return show(try await Interrupt.handled { try await controller.goBack(back, stop: $0) })
  }

  /// As certbot does, without regard to case.
  fileprivate func revocationReason() throws -> RevocationReason {
    guard let text = self["reason"] else { return .unspecified }
    let known = RevocationReason.allCases
    guard let reason = known.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
      let words = known.map(\.rawValue)
      throw UsageError(
        message:
          "'\(text.visible)' is not one of \(words.joined(separator: ", "))\(Nearest.suggestion(for: text, among: words))",
        command: command)
    }
    return reason
  }
}
