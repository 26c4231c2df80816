import ACME
import Fleet
import Foundation
import Inventory
import Issuance

/// Issues what is due, several orders at once: one client for each issuer, one listener for each address.
actor IssuingDesk {
  private let store: Store
  private let issuers: [Issuer.Name: Issuer]
  private var clients: [Issuer.Name: Task<ACMEClient, any Error>] = [:]
  private var listeners: [ListenAddress: HTTP01Listener] = [:]

  private static let atOnce = 10

  init(store: Store, issuers: [Issuer]) {
    self.store = store
    self.issuers = Dictionary(issuers.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }

  /// - Returns: whether all of them were issued. What failed has been said and recorded.
  nonisolated func issue(_ lineages: [Lineage]) async throws -> Bool {
    var rest = lineages[...]
    return try await withThrowingTaskGroup(of: Bool.self) { group in
      for lineage in rest.prefix(Self.atOnce) { group.addTask { try await self.issue(lineage) } }
      rest = rest.dropFirst(Self.atOnce)
      var isComplete = true
      while let issued = try await group.next() {
        isComplete = isComplete && issued
        if let next = rest.popFirst() { group.addTask { try await self.issue(next) } }
      }
      await self.closeListeners()
      return isComplete
    }
  }

  private func closeListeners() {
    for listener in listeners.values { listener.close() }
    listeners = [:]
  }

  private func issue(_ lineage: Lineage) async throws -> Bool {
    Console.standard.say("\(lineage.name): ordering from \(lineage.issuer)")
    let started = ContinuousClock.now
    do {
      let issuer = ACMEIssuer(
        client: try await client(of: lineage.issuer), solver: solver(for: lineage.challenge),
        keeper: StoredOrder(
          store: store, lineage: lineage.name, directory: issuers[lineage.issuer]?.directory ?? ""))
      let issued = try await issuer.issue(lineage)
      let certificate = try await store.add(issued.chain, key: issued.key, to: lineage.name, now: Date())
      let took = (ContinuousClock.now - started).short
      Console.standard.say(
        "\(lineage.name): issued generation \(certificate.generation), valid until \(certificate.notAfter.ISO8601Format()) (\(took))"
      )
      return true
    } catch {
      Console.standard.say(
        "certfleet: \(lineage.name): not issued: \("\(error)".visible); the next run tries again")
      try await store.record(
        Event(at: Date(), subject: .init(lineage: lineage.name), kind: .note(.issueFailed, text: "\(error)")))
      return false
    }
  }

  /// The issuer's client, with its account registered; made once, however many orders ask for it at once.
  private func client(of name: Issuer.Name) async throws -> ACMEClient {
    if let making = clients[name] { return try await making.value }
    guard let issuer = issuers[name] else { throw BadInput("the issuer \(name) is not declared; apply it") }
    let making = Task { [store] in try await Self.makeClient(issuer, store: store) }
    clients[name] = making
    return try await making.value
  }

  private static func makeClient(_ issuer: Issuer, store: Store) async throws -> ACMEClient {
    guard let directory = URL(string: issuer.directory) else {
      throw BadInput("\(issuer.directory) is not a URL")
    }
    let account = try await store.account(of: issuer)
    let client = ACMEClient(
      directory: directory, http: HTTPClient(caFile: issuer.caFile), key: account.key, account: account.url)
    if account.url == nil {
      let url = try await client.register(contact: issuer.contact, agreesToTerms: issuer.agreesToTerms)
      try await store.setAccountURL(url, of: issuer)
    }
    return client
  }

  private func solver(for challenge: Challenge) -> any Solver {
    switch challenge {
    case .http01(let address):
      let listener = listeners[address] ?? HTTP01Listener(address)
      listeners[address] = listener
      return listener
    }
  }
}
