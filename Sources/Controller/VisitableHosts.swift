import Engine
import Fleet
import FoundationEssentials
import Issuance
import Planning
import Storage

/// What is known beforehand of hosts is used beforehand: who lets nobody in is left out, and stops nobody else.
struct VisitableHosts {
  private(set) var leftOut: [HostLeftOut] = []
  private(set) var unreachable: Set<Host.Name> = []
  /// Those that were reached in this run already.
  private(set) var reached: Set<Host.Name> = []

  var plannedWithout: Set<Host.Name> { Set(leftOut.map(\.host)) }

  /// Why nobody gets to any of these hosts; `nil` where somebody may.
  private func obstacle(to hosts: [Host], _ out: [Host.Name: HostLeftOut.Reason]) -> String? {
    guard !hosts.isEmpty, hosts.allSatisfy({ out[$0.name] != nil || unreachable.contains($0.name) }) else {
      return nil
    }
    switch out[hosts[0].name] {
    case .noPinnedKey: return "no host key of \(hosts[0].name) is pinned"
    case .refused(let reason): return reason
    case nil: return "\(hosts[0].name) is not reached"
    }
  }

  /// Orders for certificates that would go nowhere are held back.
  func hold(_ due: inout DueCertificates, hosts: [Host]) {
    guard !leftOut.isEmpty || !unreachable.isEmpty else { return }
    let out = Dictionary(leftOut.map { ($0.host, $0.why) }, uniquingKeysWith: { $1 })
    due.hold { obstacle(to: $0.hosts(among: hosts), out) }
  }

  /// What a look has found out about how hosts let us in.
  mutating func take(_ looked: LookOutcome) {
    leftOut += looked.refused.sorted { $0.key < $1.key }.map { HostLeftOut($0, .refused($1)) }
    unreachable.formUnion(looked.unreachable.keys)
    reached.formUnion(looked.hosts)
  }

  /// Holds back what is known to go nowhere, asks the hosts of the rest, and looks again.
  mutating func settle(_ due: inout DueCertificates, hosts: [Host], by controller: Controller) async throws {
    hold(&due, hosts: hosts)
    try await ask(due, hosts: hosts, by: controller)
    hold(&due, hosts: hosts)
  }

  /// Logs in to every host that is to get what is to be ordered from a CA, once and all at the same time; those that nobody has looked at
  /// yet are looked at, since they may be another controller's.
  private mutating func ask(_ due: DueCertificates, hosts: [Host], by controller: Controller) async throws {
    let out = plannedWithout
    let asked = hosts.filter { host in
      !out.contains(host.name) && !reached.contains(host.name) && controller.reaches(host)
        && due.orders.contains { $0.lineage.goes(to: host) }
    }
    guard !asked.isEmpty else { return }
    let known = try await controller.store.observations()
    let new = asked.filter { known[$0.name] == nil }
    if !new.isEmpty { take(LookOutcome(try await controller.look(at: new, only: nil))) }
    let answers = try await HostLogin.ask(
      asked.filter { known[$0.name] != nil }, over: try await controller.connector(),
      limit: Controller.hostsAtOnce)
    for host in asked {
      switch answers[host.name] {
      case .refused(let reason): leftOut.append(HostLeftOut(host.name, .refused(reason)))
      case .unreachable: unreachable.insert(host.name)
      case .possible, nil: break
      }
    }
  }
}

extension Controller {
  /// Hosts that are looked at at the same time.
  static let hostsAtOnce = 50

  /// What is known without asking anybody.
  ///
  /// - Parameter request: hosts that it is not for do not count.
  func visitableHosts(for request: RunRequest) async throws -> VisitableHosts {
    let unpinned = try await unpinnedHosts(of: request)
    var leftOut = unpinned.map { HostLeftOut($0, .noPinnedKey) }
    leftOut += try await hostsOfDeadSites(for: request).filter { !unpinned.contains($0.host) }
    return VisitableHosts(leftOut: leftOut)
  }

  /// Hosts that a certificate goes to and that have no pinned key yet.
  func unpinnedHosts(of request: RunRequest = RunRequest()) async throws -> [Host.Name] {
    let unpinned = try await store.hostsWithoutKey()
    guard !unpinned.isEmpty else { return [] }
    let lineages = try await store.lineages()
    return try await store.hosts().filter { host in
      unpinned.contains(host.name) && host.showsKey && request.plan.hosts?.contains(host.name) ?? true
        && lineages.contains { request.isFor($0, on: host) && $0.goes(to: host) }
    }.map(\.name)
  }
}

extension RunRequest {
  /// Of lineages whose hosts have keys of their own, it may be for some hosts' alone.
  fileprivate func isFor(_ lineage: Lineage, on host: Host) -> Bool {
    guard let only else { return true }
    return only.contains { $0.declared == lineage.name && ($0.host == nil || $0.host == host.name) }
  }
}
