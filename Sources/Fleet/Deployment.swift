/// Lineage → hosts: which hosts get a certificate, as which files, what runs there, and how it is checked.
package struct Deployment: Hashable, Sendable {
  package var selector: Selector
  /// The policy that carries it; `nil` is `RolloutPolicy.standard`.
  package var rollout: RolloutPolicy.Name?
  /// Beside certbot's layout, which is always there.
  package var files: [FileInstallation]
  /// Who may read the key in certbot's layout; `nil` is the agent's user alone.
  package var layout: KeyLayout?
  package var hooks: Hooks
  package var verify: [Verification]

  package init(
    selector: Selector, rollout: RolloutPolicy.Name?, files: [FileInstallation] = [],
    layout: KeyLayout? = nil,
    hooks: Hooks, verify: [Verification]
  ) {
    self.selector = selector
    self.rollout = rollout
    self.files = files
    self.layout = layout
    self.hooks = hooks
    self.verify = verify
  }

  /// The name of the policy that carries it.
  package var policy: RolloutPolicy.Name { rollout ?? RolloutPolicy.standard.name }
}

extension Deployment: Codable {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    selector = try values.decode(Selector.self, forKey: .selector)
    rollout = try values.decodeIfPresent(RolloutPolicy.Name.self, forKey: .rollout)
    // What was stored before there were files has none.
    files = try values.decodeIfPresent([FileInstallation].self, forKey: .files) ?? []
    layout = try values.decodeIfPresent(KeyLayout.self, forKey: .layout)
    hooks = try values.decode(Hooks.self, forKey: .hooks)
    verify = try values.decode([Verification].self, forKey: .verify)
  }
}
