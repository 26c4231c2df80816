import Fleet

/// The order in which hosts are taken: the first ones are the canaries.
struct HostSequence {
  private let order: HostOrder
  private let failed: Set<Host.Name>
  private let unreachable: Set<Host.Name>
  /// Hosts that have nothing of ours yet, where others have: what comes to them says little about those.
  private let new: Set<Host.Name>

  init(of policy: RolloutPolicy, in snapshot: PlanningSnapshot, unreachable known: Set<Host.Name> = []) {
    order = policy.order
    let all = snapshot.backoffs.values.flatMap(\.self)
    failed = Set((snapshot.backoffs[policy.name] ?? [:]).filter { $1.end.account != .unreachable }.keys)
    new = snapshot.kept.isEmpty ? [] : Set(snapshot.hosts.map(\.name).filter { snapshot.kept[$0] == nil })
    unreachable = Set(all.filter { $0.value.end.account == .unreachable }.map(\.key)).union(known)
  }

  /// Hosts that were not reached last time go last in any order, so that a dead one is not the canary for ever; and new ones before
  /// them.
  func sort(_ hosts: [Host]) -> [Host] {
    let byName = hosts.sorted { $0.name < $1.name }
    let reached = byName.filter { !unreachable.contains($0.name) }
    return ordered(reached.filter { !new.contains($0.name) })
      + ordered(reached.filter { new.contains($0.name) })
      + byName.filter { unreachable.contains($0.name) }
  }

  private func ordered(_ byName: [Host]) -> [Host] {
    switch order {
    case .name: return byName
    case .failedFirst:
      return byName.filter { failed.contains($0.name) } + byName.filter { !failed.contains($0.name) }
    case .label(let key):
      let groups = Dictionary(grouping: byName) { $0.labels[key] }
      let values = groups.keys.compactMap(\.self).sorted { $0.naturallyPrecedes($1) }
      return values.flatMap { groups[$0] ?? [] } + (groups[nil] ?? [])
    }
  }
}
