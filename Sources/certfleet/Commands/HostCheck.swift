import Agents
import Engine
import Fleet
import Foundation
import Planning
import Reporting
import Storage
import struct Fleet.Host
import System

extension Command {
  static let hostCheck = Command(
    words: ["host", "check"],
    summary:
      "look whether hosts have all that a visit needs: login, sudo, tools, folders, hooks' commands, clock",
    operands: ["[HOST...]"],
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let session = try Session(invocation)
    var hosts: [Host] = []
    for name in invocation.operands { hosts.append(try await session.host(named: name)) }
    if invocation.operands.isEmpty { hosts = try await session.store.hosts() }
    let snapshot = try await session.store.planningSnapshot()
    let checked = try await session.check(
      hosts.map { Planner.everything(on: $0, in: snapshot) }, invocation)
    Console.standard.result(
      invocation.has("json") ? try JSONText.encode(checked, as: .checks) : Listing.checks(checked))
    return checked.exitCode
  }
}

extension Session {
  /// The preflight of each visit alone, by the hosts' names.
  func check(_ visits: [PlannedVisit], _ invocation: Invocation) async throws -> [CheckedHost] {
    let connector = try await hostErrands(invocation).connector
    return try await BoundedConcurrency.run(over: visits, limit: 50) { visit in
      let preflight = Preflight(
        visit, destinations: StoredMaterials.destinations(of: visit), connector: connector)
      return CheckedHost(host: visit.host.name, await preflight.run())
    }.sorted { $0.host < $1.host }
  }
}

extension [CheckedHost] {
  var exitCode: ExitCode {
    if contains(where: { $0.result == .lacking }) { return .failed }
    return contains { $0.result == .unreachable } ? .unreachable : .converged
  }
}

extension CheckedHost {
  fileprivate init(host: Host.Name, _ finding: Preflight.Finding) {
    switch finding {
    case .ready: self.init(host: host, result: .ready, problems: [])
    case .silent(let reason): self.init(host: host, result: .lacking, problems: [reason])
    case .lacks(let problems): self.init(host: host, result: .lacking, problems: problems)
    case .unreachable(let reason): self.init(host: host, result: .unreachable, problems: [reason])
    }
  }
}
