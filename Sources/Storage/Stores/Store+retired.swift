package import Fleet
package import FoundationEssentials

/// What is on hosts and not declared to be there any more, until it is taken away.
extension Store {
  /// What hosts were brought to and is not declared to go there any more.
  package func leftOvers() throws -> [LeftOver] {
    let hosts = try hosts()
    let declared = try lineages().flatMap { $0.instances(on: hosts) }.reduce(into: [:]) { all, lineage in
      all[lineage.name] = Set(lineage.hosts(among: hosts).map(\.name))
    }
    let known = Dictionary(grouping: try allCertificates(), by: \.lineage)
    return try database.rows(
      """
      SELECT host, lineage, MAX(generation) FROM placement WHERE gone_at IS NULL AND active_at IS NOT NULL
      GROUP BY host, lineage ORDER BY lineage, host
      """
    ) { (Host.Name($0.text(0)), Lineage.Name($0.text(1)), Generation($0.integer(2))) }
    .filter { declared[$0.1]?.contains($0.0) != true }
    .map { host, lineage, generation in
      LeftOver(
        host: host, lineage: lineage, generation: generation,
        certificate: known[lineage]?.first { $0.generation == generation })
    }
  }

  /// The host, and what was to come to it, as its last visit for a certificate was planned.
  package struct LastPlan: Sendable {
    package let host: Host
    package let certificate: PlannedCertificate
    package let policy: RolloutPolicy
  }

  /// How each of these came to its host; without those of which nobody knows.
  package func lastPlans(of left: [LeftOver]) throws -> [LeftOver: LastPlan] {
    let wanted = Dictionary(grouping: left, by: \.lineage)
    var byRollout: [Rollout.ID: [LeftOver]] = [:]
    for (lineage, left) in wanted {
      let hosts = Dictionary(left.map { ($0.host, $0) }, uniquingKeysWith: { $1 })
      let last = try database.rows(
        "SELECT host, rollout FROM last_result WHERE lineage = ?", [.text(lineage.rawValue)]
      ) { (Host.Name($0.text(0)), Rollout.ID($0.integer(1))) }
      for (host, rollout) in last {
        if let left = hosts[host] { byRollout[rollout, default: []].append(left) }
      }
    }
    var plans: [LeftOver: LastPlan] = [:]
    for (id, left) in byRollout {
      let plan = try rollout(id).plan
      let visits = Dictionary(plan.visits.map { ($0.host.name, $0) }, uniquingKeysWith: { $1 })
      for one in left {
        guard let visit = visits[one.host],
          let certificate = visit.certificates.first(where: { $0.lineage == one.lineage })
        else { continue }
        plans[one] = LastPlan(host: visit.host, certificate: certificate, policy: plan.policy)
      }
    }
    return plans
  }

  /// Whether the lineage was forgotten, and nothing has come of it since.
  package func isRetired(_ lineage: Lineage.Name) throws -> Bool {
    let last = try database.rows(
      "SELECT kind FROM event WHERE lineage = ? AND host IS NULL ORDER BY id DESC LIMIT 1",
      [.text(lineage.rawValue)]
    ) { try $0.json(0) as Event.Kind }.first
    guard case .note(.retired, _)? = last else { return false }
    return try certificates(of: lineage).isEmpty && !leftOvers().contains { $0.lineage == lineage }
  }

  /// It is on the host no more.
  func forget(_ lineage: Lineage.Name, on host: Host.Name) throws {
    for table in ["placement", "observation", "last_result"] {
      try database.run(
        "DELETE FROM \(table) WHERE host = ? AND lineage = ?",
        [.text(host.rawValue), .text(lineage.rawValue)])
    }
  }

  /// What is on these hosts and not declared is not there any more: the hosts are gone.
  package func forget(_ left: [LeftOver], because reason: String, now: Date) throws {
    try transaction {
      for one in left {
        try forget(one.lineage, on: one.host)
        try append(
          Event(
            at: now, subject: .init(host: one.host, lineage: one.lineage),
            kind: .note(.retired, text: reason)))
      }
    }
  }

  /// Certificates of lineages that are neither declared nor on any host go with their keys.
  ///
  /// - Returns: those that went.
  package func forgetRetired(_ lineages: Set<Lineage.Name>, now: Date) throws -> [Certificate] {
    try transaction {
      let hosts = try hosts()
      let declared = Set(try self.lineages().flatMap { [$0.name] + $0.instances(on: hosts).map(\.name) })
      var gone: [Certificate] = []
      for lineage in lineages.subtracting(declared).sorted() {
        let name = DatabaseValue.text(lineage.rawValue)
        let isSomewhere = try database.rows(
          "SELECT 1 FROM placement WHERE lineage = ? AND gone_at IS NULL LIMIT 1", [name]
        ) { _ in true }
        guard isSomewhere.isEmpty else { continue }
        gone += try certificates(of: lineage)
        for table in ["certificate", "placement", "acme_order", "backoff", "renewal_advice"] {
          try database.run("DELETE FROM \(table) WHERE lineage = ?", [name])
        }
        try append(
          Event(
            at: now, subject: .init(lineage: lineage),
            kind: .note(.retired, text: "on no host any more; its certificates and keys are erased")))
      }
      return gone
    }
  }

  /// A host that is not declared and has nothing of ours: its pinned keys go.
  package func unpin(_ hosts: Set<Host.Name>, now: Date) throws {
    let declared = Set(try self.hosts().map(\.name))
    try pin(
      Dictionary(uniqueKeysWithValues: hosts.subtracting(declared).map { ($0, [HostKey]()) }), now: now)
  }
}
