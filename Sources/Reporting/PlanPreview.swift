package import Fleet
package import FoundationEssentials

/// What a run would do.
package struct PlanPreview: Sendable, Encodable {
  package let issue: [ListedDue]
  package let rollouts: [Plan]
  /// Hosts that are left alone until later.
  package let deferred: [DeferredHost]
  /// The hosts' preflights, where they were asked for.
  package let checked: [CheckedHost]?
  /// Hosts that are not reached by libssh2.
  package let ways: [HostsByWay]
  /// These four are told beside it.
  package let ahead: [HostAhead]
  package let drifted: [DriftedHost]
  package let leftOut: [HostLeftOut]
  package let open: [(id: Rollout.ID, state: RolloutState)]

  private enum CodingKeys: String, CodingKey {
    case issue, rollouts, checked, ways
    case leftOut = "left_out"
    case deferred = "held"
  }

  package init(
    issue: [ListedDue], rollouts: [Plan], deferred: [DeferredHost], checked: [CheckedHost]?,
    ways: [HostsByWay], ahead: [HostAhead], drifted: [DriftedHost], leftOut: [HostLeftOut],
    open: [(id: Rollout.ID, state: RolloutState)]
  ) {
    self.issue = issue
    self.rollouts = rollouts
    self.deferred = deferred
    self.checked = checked
    self.ways = ways
    self.ahead = ahead
    self.drifted = drifted
    self.leftOut = leftOut
    self.open = open
  }
}

extension PlanPreview: Report {
  package static let schema = JSONText.Schema.plan

  package func text(now: Date) -> String {
    let open = open.map { "rollout \($0.id) has not ended, and goes first\n" }
    let text =
      open.joined() + ListedDue.text(of: issue) + rollouts.map(\.text).joined(separator: "\n")
      + ways.map(\.line).joined() + DeferredHosts.groups(of: deferred).map { $0.text + "\n" }.joined()
    let checks = checked.map { $0.isEmpty ? "" : "\n" + CheckedHost.text(of: $0, now: now) } ?? ""
    let nothing =
      leftOut.isEmpty ? "nothing to do\n" : "nothing to do but for hosts that are left out\n"
    return (text.isEmpty ? nothing : text + last) + checks
  }

  /// What it comes to, and what to type.
  private var last: String {
    let orders = issue.count { $0.action == .order || $0.action == .take }
    let visits = Set(rollouts.lazy.flatMap(\.waves).flatMap(\.visits).map(\.host.name)).count
    let parts = [
      orders > 0 ? "\(FleetReport.counted(orders, "certificate")) to get" : "",
      visits > 0 ? "\(FleetReport.counted(visits, "host")) to visit" : "",
      deferred.isEmpty
        ? "" : "\(FleetReport.counted(Set(deferred.map(\.host)).count, "host")) held back until later",
      leftOut.isEmpty ? "" : "\(FleetReport.counted(leftOut.count, "host")) left out",
    ].filter { !$0.isEmpty }
    return parts.isEmpty ? "" : "plan: \(parts.joined(separator: ", ")): \(Remedy.run)\n"
  }
}

/// Hosts that are reached the same way, for the same reason.
package struct HostsByWay: Sendable, Encodable {
  package let way: ConnectionWay
  package let hosts: [Host.Name]

  /// Without those that are reached by libssh2, of which there is nothing to tell.
  package static func groups(of hosts: some Sequence<Host>, _ way: (Host) -> ConnectionWay) -> [HostsByWay] {
    var groups: [ConnectionWay: Set<Host.Name>] = [:]
    for host in hosts {
      let way = way(host)
      if way.kind != .libssh2 { groups[way, default: []].insert(host.name) }
    }
    return groups.map { HostsByWay(way: $0, hosts: $1.sorted()) }.sorted { $0.hosts[0] < $1.hosts[0] }
  }

  fileprivate var line: String { "reached by \(way.words): \(HostSet.folded(hosts))\n" }
}

/// A certificate that is to be issued or taken in, or that waits, and why.
package struct ListedDue: Sendable, Encodable {
  package enum Action: String, Sendable, Encodable { case order, take, wait, warn }
  package let certificate: Lineage.Name
  package let action: Action
  package let reason: String

  package init(_ certificate: Lineage.Name, _ action: Action, _ reason: String) {
    (self.certificate, self.action, self.reason) = (certificate, action, reason)
  }

  /// A line for each certificate, and one for all the hosts that make keys of their own.
  package static func text(of due: [ListedDue]) -> String {
    let orders = Dictionary(grouping: due.filter { $0.action == .order }, by: \.certificate.declared)
    let ordered = orders.sorted { $0.key < $1.key }.map { name, orders in
      let hosts = orders.compactMap(\.certificate.host)
      return hosts.isEmpty
        ? "\(name): a new certificate is to be ordered (\(orders[0].reason)), then rolled out\n"
        : "\(name): \(hosts.count) order\(hosts.count == 1 ? "" : "s"), one for each host's own key: \(HostSet.folded(hosts))\n"
    }
    let taken = due.filter { $0.action == .take }.map {
      "\($0.certificate): a new certificate is to be taken in (\($0.reason)), then rolled out\n"
    }
    let others = due.filter { $0.action == .wait || $0.action == .warn }.map {
      "\($0.certificate): \($0.reason.visible)\n"
    }
    return (ordered + taken + others).joined()
  }
}
