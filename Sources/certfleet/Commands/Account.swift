import ACME
import Fleet
import Foundation
import Issuance
import PKI
import Reporting
import Storage

extension Command {
  private static let staging = Option(name: "staging", help: "the account with the CA's staging directory")

  static let accountList = Command(
    words: ["account", "list"], summary: "show the accounts with ACME servers",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let accounts = try await Session(invocation).store.accounts().map { account in
      ListedAccount(
        issuer: account.issuer, directory: account.directory, url: account.url,
        contact: account.contact ?? [],
        keyFingerprint: account.key.publicFingerprint)
    }
    Console.standard.result(
      invocation.has("json") ? try JSONText.encode(accounts, as: .accounts) : Listing.accounts(accounts))
    return .converged
  }

  static let accountRegister = Command(
    words: ["account", "register"],
    summary: "make the account with an issuer now, anew where the CA has deactivated it",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    try await Session(invocation).withAuthority(invocation) { session, issuer, authority, directory in
      do {
        try await session.showAccount(issuer, authority, directory)
      } catch let problem as Problem where ["unauthorized", "accountDoesNotExist"].contains(problem.kind) {
        // RFC 8555 §7.3.6: the key of an account that is deactivated is of no more use; another makes another account.
        try await session.store.removeAccount(of: issuer, at: directory, now: Date())
        try await session.showAccount(issuer, authority, directory)
      }
    }
  }

  static let accountRollover = Command(
    words: ["account", "rollover"], summary: "give the account with an issuer a new key",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    try await Session(invocation).withAuthority(invocation) { session, issuer, authority, directory in
      let client = try await AuthorityDesk(store: session.store).client(of: issuer, authority, at: directory)
      let key = try PrivateKey.generate(.ecdsaP256)
      // Kept before it is asked for: should the answer be lost, the next use asks whose it is.
      try await session.store.setNextKey(key, of: issuer, at: directory)
      try await client.changeKey(to: key)
      Failpoint.pass("account.key-changed")
      try await session.store.endKeyChange(of: issuer, at: directory, took: true, now: Date())
      Console.standard.result("\(issuer): the account's key is now \(key.publicFingerprint)\n")
    }
  }

  static let accountDeactivate = Command(
    words: ["account", "deactivate"],
    summary: "give up the account with an issuer, for good; another can be registered",
    operands: ["ISSUER"], options: [staging]
  ) { invocation in
    try await Session(invocation).withAuthority(invocation) { session, issuer, authority, directory in
      guard try await session.store.findAccount(of: issuer, at: directory)?.url != nil else {
        throw BadInput("there is no account of \(issuer) at \(directory)")
      }
      let client = try await AuthorityDesk(store: session.store).client(of: issuer, authority, at: directory)
      try await client.deactivate()
      try await session.store.removeAccount(of: issuer, at: directory, now: Date())
      Console.standard.result("\(issuer): the account is deactivated\n")
    }
  }
}

extension Session {
  typealias AuthorityWork = (Session, Issuer.Name, ACMEAuthority, String) async throws -> Void

  fileprivate func withAuthority(_ invocation: Invocation, _ work: AuthorityWork) async throws -> ExitCode {
    let name = invocation.operands[0]
    let issuers = try await store.declaration().issuers
    guard let issuer = issuers.first(where: { $0.name.rawValue == name }) else {
      throw BadInput.unknown("issuer", name, among: issuers.map(\.name.rawValue), listing: "account list")
    }
    guard let authority = issuer.acme else {
      throw BadInput("\(name) is not an ACME issuer and has no account")
    }
    guard let directory = invocation.has("staging") ? authority.staging : authority.directory else {
      throw BadInput("\(name) declares no 'staging' directory")
    }
    let lease = try ControllerLease(home: home, now: Date())
    defer { withExtendedLifetime(lease) {} }
    try await work(self, issuer.name, authority, directory)
    return .converged
  }

  fileprivate func showAccount(_ issuer: Issuer.Name, _ authority: ACMEAuthority, _ directory: String)
    async throws
  {
    let client = try await AuthorityDesk(store: store).client(of: issuer, authority, at: directory)
    // The stored URL may be of an account that the CA has forgotten or deactivated: it is asked.
    let url = try await client.find()
    Console.standard.result("\(issuer): \(url.absoluteString)\n")
  }
}
