import Fleet

extension RolloutPolicy {
  /// Whether its waves only count hosts. Where one names hosts, or hooks go around the whole, the order over all certificates is what was
  /// asked for.
  var onlyCounts: Bool {
    hooks == Hooks() && waves.allSatisfy { if case .selected = $0.take { false } else { true } }
  }
}

/// Visits that have nothing to do with each other: no certificate of the one goes to a host of the other, nor is there a way
/// from the one to the other over such. Certificates that are one by their declaration count as one.
enum IndependentVisits {
  /// - Returns: the groups in the order of their first visits, each in the order of the visits.
  static func groups(of visits: [PlannedVisit]) -> [[PlannedVisit]] {
    var group: [Lineage.Name: Int] = [:]
    /// Where a group was found to belong to an earlier one.
    var joined: [Int] = []
    func root(_ number: Int) -> Int {
      var number = number
      while joined[number] != number {
        joined[number] = joined[joined[number]]
        number = joined[number]
      }
      return number
    }
    let names = visits.map { Set($0.certificates.map(\.lineage.declared)) }
    for names in names {
      let known = Set(names.compactMap { group[$0].map(root) })
      let own = known.min() ?? joined.count
      if own == joined.count { joined.append(own) }
      for other in known { joined[other] = own }
      for name in names { group[name] = own }
    }
    let numbers = names.map { $0.first.flatMap { group[$0] }.map(root) ?? 0 }
    let members = Dictionary(grouping: visits.indices) { numbers[$0] }
    return members.sorted { $0.key < $1.key }.map { $0.value.map { visits[$0] } }
  }
}
