package import ACME
package import Fleet
import FoundationEssentials
import PKI

/// One client for each account, however many orders ask for it at once: registered, with the declared contact, and
/// with the key that the CA knows.
package actor ACMEAccounts {
  private let store: any IssuingStore
  private let tell: IssuingListener
  private var clients: [Account: Task<ACMEClient, any Error>] = [:]
  private var stopped: [Account: any Error] = [:]

  private struct Account: Hashable {
    let issuer: Issuer.Name
    let directory: String
  }

  /// A clock that is further off than this makes certificates look due, or not valid yet, that are not.
  private static let mostClockDifference = Duration.seconds(3600)

  package init(store: any IssuingStore, tell: @escaping IssuingListener = { _ in }) {
    self.store = store
    self.tell = tell
  }

  package func client(of issuer: Issuer.Name, _ authority: ACMEAuthority, at directory: String) async throws
    -> ACMEClient
  {
    let account = Account(issuer: issuer, directory: directory)
    if let error = stopped[account] { throw error }
    if let making = clients[account] { return try await making.value }
    let making = Task { [store, tell] in try await Self.make(issuer, authority, directory, store, tell) }
    clients[account] = making
    return try await making.value
  }

  /// Asks nothing more of a CA that does not serve this account: every further order would only be refused too.
  func stop(_ issuer: Issuer.Name, at directory: String, because error: any Error) {
    stopped[Account(issuer: issuer, directory: directory)] = error
  }

  private static func make(
    _ issuer: Issuer.Name, _ authority: ACMEAuthority, _ directory: String,
    _ store: any IssuingStore, _ tell: IssuingListener
  ) async throws -> ACMEClient {
    guard let url = URL(string: directory) else {
      throw AccountFailure(description: "\(directory) is not a URL")
    }
    let http = HTTPClient(caFile: authority.caFile, agent: "certfleet/\(Product.version)")
    var account = try await store.account(of: issuer, at: directory)
    if let next = account.nextKey, let known = account.url {
      try await endKeyChange(
        to: next, of: known, ACMEClient(directory: url, http: http, key: next, account: nil)
      ) {
        try await store.endKeyChange(of: issuer, at: directory, took: $0, now: Date())
      }
      account = try await store.account(of: issuer, at: directory)
    }
    let client = ACMEClient(directory: url, http: http, key: account.key, account: account.url)
    try await checkClock(client)
    if account.url == nil {
      Failpoint.pass("account.key-kept")
      let made = try await client.register(
        contact: authority.contact, agreesToTerms: authority.agreesToTerms,
        external: try authority.externalAccount.map(external))
      Failpoint.pass("account.registered")
      try await store.setAccount(made, contact: authority.contact, of: issuer, at: directory, now: Date())
    } else if let known = account.url, account.contact != authority.contact {
      do {
        try await client.update(contact: authority.contact)
        try await store.setAccount(known, contact: authority.contact, of: issuer, at: directory, now: Date())
      } catch let problem as Problem where !problem.concernsAccount {
        // An address that the CA does not like is no reason to let certificates end.
        tell(.contactNotChanged(issuer, because: problem))
      }
    }
    return client
  }

  private static func external(_ account: ExternalAccount) throws -> ACMEClient.External {
    do {
      return ACMEClient.External(keyID: account.keyID, key: try HMACKey(contentsOf: account.keyFile))
    } catch { throw AccountFailure(description: "\(account.keyFile): \(error)") }
  }

  /// RFC 8555 §7.3.5: whether a change took whose answer was lost, by asking whose the new key is.
  private static func endKeyChange(
    to key: PrivateKey, of account: URL, _ client: ACMEClient, _ end: (Bool) async throws -> Void
  ) async throws {
    do {
      try await end(try await client.find() == account)
    } catch let problem as Problem where problem.kind == "accountDoesNotExist" {
      try await end(false)
    }
  }

  private static func checkClock(_ client: ACMEClient) async throws {
    let ahead = try await client.clockDifference()
    guard ahead > mostClockDifference || ahead < .zero - mostClockDifference else { return }
    let (words, amount) = ahead > .zero ? ("behind", ahead) : ("ahead of", .zero - ahead)
    throw WrongClock(
      description:
        "the clock here is \(amount.short) \(words) the CA's, so nothing is ordered; set it, for example: timedatectl set-ntp true"
    )
  }
}

/// Certificates would look due, or not valid yet, that are not.
package struct WrongClock: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

/// What is declared of an account cannot be used.
package struct AccountFailure: Error, Hashable, CustomStringConvertible {
  package let description: String
}
