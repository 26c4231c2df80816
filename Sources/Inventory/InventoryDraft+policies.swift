import Fleet

/// What rollout policies refer to.
extension InventoryDraft {
  func checkPolicies(beside known: FleetDeclaration) {
    let policies = declaration.policies + known.policies
    let names = policies.map(\.name.rawValue) + [RolloutPolicy.standard.name.rawValue]
    let hosts = declaration.hosts + known.hosts
    let hasMistakenHosts = mistaken.contains { $0.hasPrefix("hosts ") }
    let before = Dictionary(policies.map { ($0.name, $0.after) }, uniquingKeysWith: { first, _ in first })
    for policy in declaration.policies {
      guard let place = place(of: "rollouts \(policy.name)") else { continue }
      for name in policy.after where !names.contains(name.rawValue) {
        guard !mistaken.contains("rollouts \(name)") else { continue }
        let hint = Nearest.suggestion(for: name.rawValue, among: names)
        place.at(".after").fail(
          "there is no rollout policy '\(name)'\(hint.isEmpty ? "; declare it or correct the name" : hint)")
      }
      if let circle = Self.circle(from: policy.name, before) {
        place.at(".after").fail(
          "\(circle.map(\.rawValue).joined(separator: " after ")) goes round in a circle, and none could begin"
        )
      }
      for (index, wave) in policy.waves.enumerated() {
        guard case .selected(let selector) = wave.take, !hasMistakenHosts,
          !hosts.contains(where: selector.matches)
        else { continue }
        place.at(".waves[\(index)]").fail(
          "'\(selector.text.visible)' picks no host; a wave takes a number, a percentage such as '10%', a selector, or 'rest'"
        )
      }
    }
  }

  /// The policies that lead from one back to itself.
  private static func circle(
    from start: RolloutPolicy.Name, _ before: [RolloutPolicy.Name: [RolloutPolicy.Name]]
  ) -> [RolloutPolicy.Name]? {
    var paths = [[start]]
    var seen: Set<RolloutPolicy.Name> = []
    while let path = paths.popLast() {
      for name in path.last.flatMap({ before[$0] }) ?? [] {
        if name == start { return path + [start] }
        if seen.insert(name).inserted { paths.append(path + [name]) }
      }
    }
    return nil
  }
}
