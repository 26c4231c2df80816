import Fleet
import FoundationEssentials
import Planning
package import Reporting
import Storage

/// When hosts are looked at.
extension Controller {
  /// Looks at hosts now, and keeps what is seen.
  ///
  /// - Parameters:
  ///   - selector: the hosts; `nil` for all that a certificate goes to.
  ///   - names: the certificates; `nil` for all.
  ///   - onlyEndpoints: whether it is asked only what they serve, without a login.
  package func look(
    to selector: String?, certificates names: [String]?, onlyEndpoints: Bool = false
  ) async throws -> LookReport {
    let lineages = try await issuable(named: names)
    let all = try await store.lineages()
    let picked = try await hosts(selector, of: lineages ?? all)
    let result = try await look(
      at: picked, only: lineages.map { Set($0.map(\.name)) }, onlyEndpoints: onlyEndpoints)
    return LookReport(result.sightings, refused: Set(result.refused.keys))
  }

  func look(
    at hosts: [Host], only lineages: Set<Lineage.Name>?, onlyEndpoints: Bool = false
  ) async throws -> LookResult {
    let looking = try await Looking(self, only: lineages)
    return try await keep(try await onlyEndpoints ? looking.ask(hosts) : looking.run(at: hosts))
  }

  /// Keeps what a look has seen.
  func keep(_ result: LookResult) async throws -> LookResult {
    let taken = try await store.keep(result.sightings)
    if !taken.isEmpty { tell(.takenOver(taken)) }
    if try await store.restoredAt() != nil {
      let identity = try await store.identity()
      for mark in result.controllers.values where mark.id == identity.id {
        try await store.countOn(from: mark.epoch, now: Date())
      }
    }
    return result
  }

  /// A restored state is one as any other when all that it declares was looked at since, and no rollout is open from before.
  func settleRestore() async throws {
    guard let restoredAt = try await store.restoredAt(),
      try await store.openRollouts().allSatisfy({ $0.startedAt >= restoredAt })
    else { return }
    let observations = try await store.observations()
    let isSeen = try await store.statuses().allSatisfy { status in
      observations[status.host]?[status.lineage]?.lookedAt.map { $0 >= restoredAt } ?? false
    }
    if isSeen { try await store.settleRestore() }
  }

  /// How old what was seen of a host may become.
  static func lookInterval(of host: Host, _ declared: FleetDeclaration) -> LookInterval {
    if let own = host.lookEvery { return own }
    let names = Set(
      declared.lineages.flatMap(\.deployments).filter { $0.selector.matches(host) }.map(\.policy))
    let intervals = declared.policies.filter { names.contains($0.name) }.compactMap(\.lookEvery)
    return intervals.min { ($0.seconds ?? .infinity) < ($1.seconds ?? .infinity) } ?? .standard
  }

  /// Hosts of which something was not seen for so long that they are looked at again.
  ///
  /// - Parameter sites: those from which somebody looks; where one controller has the state alone it reaches all.
  func hostsToLookAt(
    for request: RunRequest, except leftOut: Set<Host.Name>, sites: Set<String>, now: Date
  ) async throws -> [Host] {
    let declared = try await store.declaration()
    let (observations, restoredAt) = (try await store.observations(), try await store.restoredAt())
    let statuses = Dictionary(grouping: try await store.statuses(), by: \.host)
    return declared.hosts.filter { host in
      guard !leftOut.contains(host.name), reaches(host, from: sites),
        request.plan.hosts?.contains(host.name) ?? true,
        let interval = Self.lookInterval(of: host, declared).seconds ?? restoredAt.map({ _ in .infinity })
      else { return false }
      // Hosts that were visited together are not all looked at together.
      let patience = interval * (1 - Double(host.name.spread) / 4)
      return (statuses[host.name] ?? []).contains { status in
        guard request.only?.contains(status.lineage) ?? true else { return false }
        let known = observations[host.name]?[status.lineage]
        // A restored state knows nothing of what came after the backup.
        if let restoredAt, known?.lookedAt.map({ $0 < restoredAt }) ?? true { return true }
        // Before something is ordered for it, or brought there, it is asked anyway.
        guard status.active != nil else { return false }
        // What a host that was placed serves is asked at every run.
        let seen = status.lastEnd == .placed ? known?.diskAt : status.seenAt
        return seen.map { now.timeIntervalSince($0) > patience } ?? true
      }
    }
  }
}

extension Host.Name {
  /// From 0 to 1, the same for a name each time (FNV-1a).
  fileprivate var spread: Double {
    let hash = rawValue.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return Double(hash % 1000) / 1000
  }
}
