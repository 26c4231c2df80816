import Controller
import FoundationEssentials
import Reporting

extension Command {
  private static let staging = Option(name: "staging", help: "the account with the CA's staging directory")

  static let accountList = Command(
    words: ["account", "list"], summary: "show the accounts with ACME servers", options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().accounts())
    return .converged
  }

  static let accountRegister = Command(
    words: ["account", "register"],
    summary: "make the account with an issuer now, anew where the CA has deactivated it",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    let issuer = invocation.operands[0]
    let url = try await invocation.controller().register(issuer, isStaging: invocation.has("staging"))
    Console.standard.result("\(issuer): \(url.absoluteString)\n")
    return .converged
  }

  static let accountRollover = Command(
    words: ["account", "rollover"], summary: "give the account with an issuer a new key",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    let issuer = invocation.operands[0]
    let fingerprint = try await invocation.controller().rollOverAccountKey(
      issuer, isStaging: invocation.has("staging"))
    Console.standard.result("\(issuer): the account's key is now \(fingerprint)\n")
    return .converged
  }

  static let accountDeactivate = Command(
    words: ["account", "deactivate"],
    summary: "give up the account with an issuer, for good; another can be registered",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    let issuer = invocation.operands[0]
    try await invocation.controller().deactivate(issuer, isStaging: invocation.has("staging"))
    Console.standard.result("\(issuer): the account is deactivated\n")
    return .converged
  }
}
