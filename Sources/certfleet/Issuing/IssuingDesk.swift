import ACME
import Engine
import Fleet
import Foundation
import Issuance
import PKI
import Storage
import System

/// Issues what is due, several orders at once with each CA, and says how each went.
struct IssuingDesk: Sendable {
  let store: Store
  let hosts: HostErrands
  /// Orders go to the staging directories, and their certificates are only looked at.
  let isRehearsal: Bool
  let authorities: AuthorityDesk
  let solvers: SolverShelf
  private let stop: StopSignal

  init(store: Store, hosts: HostErrands, isRehearsal: Bool = false, stop: StopSignal = StopSignal()) {
    self.store = store
    self.hosts = hosts
    self.isRehearsal = isRehearsal
    self.stop = stop
    authorities = AuthorityDesk(store: store)
    solvers = SolverShelf(hosts: hosts)
  }

  /// - Returns: whether all of it was done. What failed has been said and recorded.
  func carryOut(_ due: DueList) async throws -> Bool {
    for (lineage, why) in due.warnings + due.heldBack {
      Console.standard.say("certfleet: \(lineage): \(why.visible)")
    }
    for job in due.imports { try await take(job) }
    let progress = IssuingProgress(console: .standard, total: due.orders.count)
    defer { progress.end() }
    let issued = try await withThrowingTaskGroup(of: [Bool].self) { group in
      for (_, orders) in Dictionary(grouping: due.orders, by: \.issuer) {
        group.addTask { try await carryOut(orders, progress) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    await solvers.close()
    return due.heldBack.isEmpty && issued.count == due.orders.count && issued.allSatisfy(\.self)
  }

  /// All orders with one CA. When it cannot be used at all, that is said once, and not for each certificate.
  private func carryOut(_ orders: [DueList.Order], _ progress: IssuingProgress) async throws -> [Bool] {
    let first = orders[0]
    do {
      _ = try await authorities.client(of: first.issuer, first.authority, at: directory(of: first))
    } catch {
      let reason = reason(for: error, issuer: first.issuer)
      for order in orders { _ = try await keepFailure(of: order, error, reason) }
      let names = orders.prefix(5).map(\.lineage.name.rawValue).joined(separator: ", ")
      let more = orders.count > 5 ? " and \(orders.count - 5) more" : ""
      Console.standard.say("certfleet: \(first.issuer): \(reason.visible); not ordered: \(names)\(more)")
      return orders.map { _ in false }
    }
    return try await BoundedConcurrency.run(
      over: orders, limit: first.authority.parallel, while: { !stop.isRequested }
    ) { order in
      let isIssued = try await issue(order)
      progress.ended(isIssued: isIssued)
      return isIssued
    }
  }

  func directory(of order: DueList.Order) -> String {
    isRehearsal ? order.authority.staging ?? order.authority.directory : order.authority.directory
  }

  private func take(_ job: DueList.Import) async throws {
    let certificate = try await store.add(
      job.material.chain, key: .held(job.material.key), to: job.lineage.name, how: .imported, now: Date())
    Console.standard.say(
      "\(job.lineage.name): generation \(certificate.generation) taken in: \(job.reason); valid until \(certificate.notAfter.ISO8601Format())"
    )
  }

  /// Takes away what a crash, or a host that was not there, left for a CA to see, in the way in which it was shown.
  func takeAwayWhatIsLeft() async throws {
    let declared = try await store.lineages().flatMap { $0.instances(on: hosts.hosts) }
    for name in try await store.lineagesWithPresented() {
      // One that is declared no more has no hosts; what it left here or in the DNS still goes.
      let lineage = declared.first { $0.name == name } ?? Lineage(name: name, domains: [], issuer: "")
      for (challenge, proof) in try await store.presented(of: lineage.name, as: Proof.self) {
        do {
          try await solvers.solver(for: challenge, of: lineage).cleanUp(proof)
          try await store.forgetPresented(proof, of: lineage.name)
        } catch {
          Console.standard.say(
            "certfleet: \(lineage.name): left from an earlier order: \("\(error)".visible)")
        }
      }
    }
  }
}
