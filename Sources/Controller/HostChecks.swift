import Agents
import Connections
import Engine
import Fleet
import FoundationEssentials
import Install
import Planning
package import Reporting
import Storage
import System

/// Whether hosts have all that a visit needs, and the agent installed on them.
extension Controller {
  /// - Parameter names: none stands for all hosts.
  package func check(hosts names: [String]) async throws -> [CheckedHost] {
    let hosts = try await hosts(named: names)
    let snapshot = try await store.planningSnapshot()
    return try await check(hosts.map { Planner.everything(on: $0, in: snapshot) }, in: snapshot)
  }

  /// What the endpoints of certificates that a host has never had serve now, and what a first visit will come to.
  private static func firstVisits(to host: Host, in snapshot: PlanningSnapshot) async -> [String] {
    var notes: [String] = []
    for lineage in snapshot.lineages where snapshot.kept[host.name]?[lineage.name] == nil {
      for question in lineage.questions(to: host) {
        let place = "\(lineage.name): port \(question.port)"
        do {
          let served = try await TLSProbe().served(by: host, at: question)
          let others = await TLSProbe().others(than: served, by: host, at: question).map {
            " and \($0.words) to who takes no other kind of key"
          }
          notes.append(
            "\(place) serves \(served.words)\(others.joined()) now; unless the deploy hook changes that, the first visit installs the certificate beside it: point the configuration at \(host.base)/live/\(lineage.name.declared)/, before or after"
          )
        } catch {
          notes.append(
            "\(place) does not answer now (\(error.reason)); if it does not after the deploy hook, the first visit is rolled back"
          )
        }
      }
    }
    return notes
  }

  /// The preflight of each visit alone, and what a first one will come to, by the hosts' names.
  func check(_ visits: [PlannedVisit], in snapshot: PlanningSnapshot) async throws -> [CheckedHost] {
    let (connector, identity) = (try await connector(), try await store.identity())
    return try await BoundedConcurrency.run(over: visits, limit: Self.hostsAtOnce) { visit in
      let preflight = Preflight(
        visit, destinations: VisitMaterials.destinations(of: visit), connector: connector, as: identity)
      var checked = CheckedHost(visit.host.name, await preflight.run())
      // As it is known now that it was reached.
      let way = connector.way(to: visit.host)
      if way.kind != .libssh2 { checked.notes.append("reached by \(way.words)") }
      checked.notes += await Self.firstVisits(to: visit.host, in: snapshot)
      return checked
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
