import Fleet

extension PlanningSnapshot {
  /// The standard policy and the declared ones, each after those that it is to wait for, else as declared.
  var policiesInOrder: [RolloutPolicy] {
    let standard = RolloutPolicy.standard
    var rest = policies.contains { $0.name == standard.name } ? policies : [standard] + policies
    var ordered: [RolloutPolicy] = []
    while !rest.isEmpty {
      // What waits for itself in a circle is refused when it is declared.
      let next = rest.firstIndex { policy in !rest.contains { policy.after.contains($0.name) } } ?? 0
      ordered.append(rest.remove(at: next))
    }
    return ordered
  }
}
