import Fleet

/// Cuts a rollout's hosts into waves.
enum Waves {
  /// Each rule takes its hosts in order; percentages are of all hosts, rounded up, so that no host is left out. When
  /// hosts are left after the last size, it is repeated, as Ansible's `serial` does; what a selector at the end does
  /// not pick follows in one wave more.
  static func slice(_ visits: [PlannedVisit], by rules: [WaveRule]) -> [PlannedWave] {
    var rest = visits
    var waves: [PlannedWave] = []
    func take(_ rule: WaveRule) {
      let taken: [PlannedVisit]
      switch rule.take {
      case .count(let count): taken = Array(rest.prefix(max(count, 1)))
      case .percent(let percent): taken = Array(rest.prefix(max((visits.count * percent + 99) / 100, 1)))
      case .rest: taken = rest
      case .selected(let selector):
        taken = rest.filter { selector.matches($0.host) }
        rest.removeAll { selector.matches($0.host) }
        if !taken.isEmpty { waves.append(PlannedWave(taken, by: rule)) }
        return
      }
      rest.removeFirst(taken.count)
      waves.append(PlannedWave(taken, by: rule))
    }
    for rule in rules where !rest.isEmpty { take(rule) }
    while !rest.isEmpty {
      if let last = rules.last, !last.take.isSelection { take(last) } else { take(WaveRule(take: .rest)) }
    }
    return waves
  }
}

extension WaveSize {
  fileprivate var isSelection: Bool { if case .selected = self { true } else { false } }
}
