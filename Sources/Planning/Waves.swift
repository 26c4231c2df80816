import Fleet

/// Cuts a rollout's hosts into waves.
enum Waves {
  /// Each rule takes its hosts in order; percentages are of all hosts, rounded up, so that no host is left out. When
  /// hosts are left after the last size, it is repeated, as Ansible's `serial` does; what a selector at the end does
  /// not pick follows in one wave more. A first wave that counts has a host of each certificate.
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
      let canaries = waves.isEmpty ? canaries(beside: taken, in: &rest) : []
      waves.append(PlannedWave(taken + canaries, by: rule))
    }
    for rule in rules where !rest.isEmpty { take(rule) }
    while !rest.isEmpty {
      if let last = rules.last, !last.take.isSelection { take(last) } else { take(WaveRule(take: .rest)) }
    }
    return waves
  }
}

extension Waves {
  /// Takes a host for each certificate that no host of the first wave gets, as few as will do.
  private static func canaries(
    beside taken: [PlannedVisit], in rest: inout [PlannedVisit]
  ) -> [PlannedVisit] {
    var missing = Set(rest.flatMap(\.declared)).subtracting(taken.flatMap(\.declared))
    var canaries: [PlannedVisit] = []
    while !missing.isEmpty {
      // Of those that have as many, the first.
      guard
        let best = rest.indices.max(by: {
          let (one, other) = (rest[$0].count(of: missing), rest[$1].count(of: missing))
          return one == other ? $0 > $1 : one < other
        })
      else { break }
      let visit = rest.remove(at: best)
      missing.subtract(visit.declared)
      canaries.append(visit)
    }
    return canaries
  }
}

extension PlannedVisit {
  fileprivate var declared: [Lineage.Name] { certificates.map(\.lineage.declared) }
  fileprivate func count(of lineages: Set<Lineage.Name>) -> Int { declared.count(where: lineages.contains) }
}

extension WaveSize {
  fileprivate var isSelection: Bool { if case .selected = self { true } else { false } }
}
