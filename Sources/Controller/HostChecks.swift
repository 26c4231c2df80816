import Agents
import Engine
import Fleet
import FoundationEssentials
import Planning
package import Reporting
import System
import Storage

/// Whether hosts have all that a visit needs, and the agent installed on them.
extension Controller {
  private static let atOnce = 50

  /// - Parameter names: none stands for all hosts.
  package func check(hosts names: [String]) async throws -> [CheckedHost] {
    let hosts = try await hosts(named: names)
    let snapshot = try await store.planningSnapshot()
    return try await check(hosts.map { Planner.everything(on: $0, in: snapshot) })
  }

  /// The preflight of each visit alone, by the hosts' names.
  func check(_ visits: [PlannedVisit]) async throws -> [CheckedHost] {
    let connector = try await connector()
    return try await BoundedConcurrency.run(over: visits, limit: Self.atOnce) { visit in
      let preflight = Preflight(
        visit, destinations: StoredMaterials.destinations(of: visit), connector: connector)
      return CheckedHost(visit.host.name, await preflight.run())
    }.sorted { $0.host < $1.host }
  }
}

extension CheckedHost {
  fileprivate init(_ host: Host.Name, _ finding: Preflight.Finding) {
    switch finding {
    case .ready: self.init(host: host, result: .ready, problems: [])
    case .silent(let reason): self.init(host: host, result: .lacking, problems: [reason])
    case .lacks(let problems): self.init(host: host, result: .lacking, problems: problems)
    case .unreachable(let reason): self.init(host: host, result: .unreachable, problems: [reason])
    }
  }
}
