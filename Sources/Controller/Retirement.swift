package import Fleet
import FoundationEssentials
import Planning
import Storage

/// What is taken away from hosts: certificates that stayed there when they, or the hosts, were taken out of the inventory. What is declared
/// is not: the next run would bring it back.
package struct RetireRequest: Sendable {
  package enum Target: Sendable {
    case certificate(String)
    case hosts([String])
  }

  package var target: Target
  /// Only from these of its hosts.
  package var selector: String?
  /// Whether the CA is to revoke what no host has any more.
  package var revokes = false
  /// Whether certbot, from which it was taken over on its hosts, renews it there from then on.
  package var givesBack = false
  /// Whether the hosts are gone, so that nothing can be done on them.
  package var onlyForgets = false

  package init(_ target: Target) { self.target = target }
}

/// What a retirement takes away, and from where.
package struct Retirement: Sendable {
  package internal(set) var left: [LeftOver] = []
  var retired: [Retired] = []
  /// Those of which nobody knows any more how their hosts are reached.
  package internal(set) var unreachable: [LeftOver] = []
  /// Certificates that go with their keys when no host has them.
  package internal(set) var lineages: Set<Lineage.Name> = []
  /// Whether all of it is done already.
  package internal(set) var isDone = false
  /// Hosts whose keys are forgotten when they have nothing left.
  package internal(set) var hosts: Set<Host.Name> = []
}

extension Controller {
  /// What is to be taken away, without asking anybody.
  package func retirement(_ request: RetireRequest) async throws -> Retirement {
    var retirement = Retirement()
    let all = try await store.leftOvers()
    switch request.target {
    case .certificate(let name):
      retirement.left = all.filter { [$0.lineage, $0.lineage.declared].contains(Lineage.Name(name)) }
      retirement.isDone = try await store.isRetired(Lineage.Name(name))
      if !retirement.isDone { retirement.lineages = try await retirable(name, left: retirement.left) }
    case .hosts(let names):
      retirement.hosts = try await retirable(names, left: all)
      retirement.left = all.filter { retirement.hosts.contains($0.host) }
      retirement.lineages = Set(retirement.left.map(\.lineage))
    }
    try await find(&retirement, request)
    return retirement
  }

  /// The certificates that a name stands for, none of which is declared where it is to be taken away.
  private func retirable(_ name: String, left: [LeftOver]) async throws -> Set<Lineage.Name> {
    let known = try await store.latestCertificates().keys
    let names = Set(known.filter { [$0, $0.declared].contains(Lineage.Name(name)) }).union(
      left.map(\.lineage))
    let declared = try await issuable().filter { [$0.name, $0.name.declared].contains(Lineage.Name(name)) }
    if left.isEmpty, let lineage = declared.first {
      throw ControllerError.stillDeclared("certificate \(lineage.name.declared)")
    }
    guard !names.isEmpty else {
      let all = Set(known).union(try await store.leftOvers().map(\.lineage)).map(\.declared.rawValue)
      throw ControllerError.unknown(.certificate, name, among: Array(Set(all)))
    }
    return names.subtracting(declared.map(\.name))
  }

  private func retirable(_ names: [String], left: [LeftOver]) async throws -> Set<Host.Name> {
    let pinned = try await store.pinnedKeys().keys
    let (hosts, lineages) = (try await store.hosts(), try await store.lineages())
    let known = Set(hosts.map(\.name)).union(left.map(\.host)).union(pinned)
    return Set(
      try names.map { name in
        guard let host = known.first(where: { $0.rawValue == name }) else {
          throw ControllerError.unknown(.host, name, among: known.map(\.rawValue))
        }
        if let declared = hosts.first(where: { $0.name == host }),
          let lineage = lineages.first(where: { $0.goes(to: declared) })
        {
          throw ControllerError.stillDeclared("certificate \(lineage.name) for \(host)")
        }
        return host
      })
  }

  /// How each host is reached, and what runs there.
  private func find(_ retirement: inout Retirement, _ request: RetireRequest) async throws {
    let declared = Dictionary(try await store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let plans = try await store.lastPlans(of: retirement.left)
    let files = try await store.keptFiles()
    if let text = request.selector {
      let selector: Selector
      do {
        selector = try Selector(text)
      } catch { throw ControllerError.badSelector(text, because: error) }
      let all = retirement.left
      retirement.left = all.filter { one in
        (declared[one.host] ?? plans[one]?.host).map(selector.matches) ?? false
      }
      if retirement.left.isEmpty { throw ControllerError.selectsNone(text, of: all.map(\.host)) }
    }
    for one in retirement.left {
      guard let host = declared[one.host] ?? plans[one]?.host else {
        retirement.unreachable.append(one)
        continue
      }
      let planned =
        plans[one]?.certificate
        ?? PlannedCertificate(
          lineage: one.lineage, generation: one.generation, fingerprint: PlannedCertificate.notIssued,
          domains: one.certificate?.names ?? [], hooks: Hooks(), verify: [])
      retirement.retired.append(
        Retired(
          planned.retired(
            one.generation, one.certificate?.fingerprint ?? PlannedCertificate.notIssued,
            files: files[one.host]?[one.lineage] ?? planned.files,
            as: request.givesBack ? .givenBack : .retired),
          from: host, by: plans[one]?.policy ?? .standard))
    }
  }
}
