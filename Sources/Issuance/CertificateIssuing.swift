import ACME
package import Fleet
import FoundationEssentials
package import PKI
package import System

/// What issuing needs of hosts, over the same connections and agent as a rollout.
package protocol IssuingHosts: Sendable {
  var hosts: [Host] { get }
  /// A key that the host makes and keeps, with its request.
  func makeKey(for lineage: Lineage, isReused: Bool) async throws -> CertificateKey
  func tokens(for lineage: Lineage, among selector: Selector?, webroot: String, port: UInt16)
    -> any TokenHosts
}

/// Issues what is due, several orders at once with each CA. How each went is recorded, and told.
package struct CertificateIssuing: Sendable {
  let store: any IssuingStore
  let hosts: any IssuingHosts
  /// Orders go to the staging directories, and their certificates are only looked at.
  let isRehearsal: Bool
  let accounts: ACMEAccounts
  let solvers: SolverRegistry
  let stop: StopSignal
  let tell: IssuingListener

  /// - Parameter sharesPorts: whether other controllers may listen for CAs on this machine, too.
  package init(
    store: any IssuingStore, hosts: any IssuingHosts, isRehearsal: Bool = false, stop: StopSignal,
    sharesPorts: Bool = false, tell: @escaping IssuingListener
  ) {
    self.store = store
    self.hosts = hosts
    self.isRehearsal = isRehearsal
    self.stop = stop
    self.tell = tell
    accounts = ACMEAccounts(store: store, tell: tell)
    solvers = SolverRegistry(hosts: hosts, sharesPorts: sharesPorts, tell: tell)
  }

  /// - Returns: whether all of it was done.
  package func issue(_ due: DueCertificates) async throws -> Bool {
    tell(.due(due))
    for job in due.imports { try await take(job) }
    let progress = OrderProgress(total: due.orders.count, tell: tell)
    let issued = try await withThrowingTaskGroup(of: [Bool].self) { group in
      for (_, orders) in Dictionary(grouping: due.orders, by: \.issuer) {
        group.addTask { try await issue(orders, progress) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    await solvers.close()
    return due.heldBack.isEmpty && issued.count == due.orders.count && issued.allSatisfy(\.self)
  }

  /// All orders with one CA. When it cannot be used at all, that is told once, and not for each certificate.
  private func issue(_ orders: [DueCertificates.Order], _ progress: OrderProgress) async throws -> [Bool] {
    let first = orders[0]
    do {
      _ = try await accounts.client(of: first.issuer, first.authority, at: directory(of: first))
    } catch {
      for order in orders { _ = try await keepFailure(of: order, error) }
      tell(
        .issuerFailed(
          first.issuer, because: error, account: accountAtFault(in: error, of: first.issuer),
          notOrdered: orders.map(\.lineage.name)))
      return orders.map { _ in false }
    }
    return try await BoundedConcurrency.run(
      over: orders, limit: first.authority.parallel, while: { !stop.isRequested }
    ) { order in
      let isIssued = try await issue(order)
      await progress.ended(isIssued: isIssued)
      return isIssued
    }
  }

  func directory(of order: DueCertificates.Order) -> String {
    isRehearsal ? order.authority.staging ?? order.authority.directory : order.authority.directory
  }

  private func take(_ job: DueCertificates.Import) async throws {
    let certificate = try await store.add(
      job.material.chain, key: .held(job.material.key), to: job.lineage.name, origin: nil, ordered: nil,
      how: .imported, now: Date())
    tell(.tookIn(certificate, because: job.reason))
  }

  /// Takes away what a crash, or a host that was not there, left for a CA to see, in the way in which it was shown.
  package func cleanUpLeftOvers() async throws {
    let declared = try await store.declaration().lineages.flatMap { $0.instances(on: hosts.hosts) }
    for name in try await store.lineagesWithPresented() {
      // One that is declared no more has no hosts; what it left here or in the DNS still goes.
      let lineage = declared.first { $0.name == name } ?? Lineage(name: name, domains: [], issuer: "")
      for (challenge, proof) in try await store.presented(of: lineage.name, as: Proof.self) {
        do {
          try await solvers.solver(for: challenge, of: lineage).cleanUp(proof)
          try await store.forgetPresented(proof, of: lineage.name)
        } catch { tell(.leftOver(lineage.name, because: error)) }
      }
    }
  }
}

/// Counts the orders of a run.
private actor OrderProgress {
  private let total: Int
  private let tell: IssuingListener
  private var (done, failed) = (0, 0)

  init(total: Int, tell: @escaping IssuingListener) {
    self.total = total
    self.tell = tell
  }

  func ended(isIssued: Bool) {
    done += 1
    failed += isIssued ? 0 : 1
    tell(.progress(done: done, failed: failed, of: total))
  }
}
