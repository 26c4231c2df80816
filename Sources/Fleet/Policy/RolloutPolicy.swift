/// How a rollout goes through its hosts.
package struct RolloutPolicy: Hashable, Sendable {
  package typealias Name = Identifier<RolloutPolicy>

  package var name: Name
  package var waves: [WaveRule]
  /// Visits at the same time inside a wave.
  package var parallel: Int
  /// What bounds visits at the same time further.
  package var limits: [ParallelLimit]
  package var order: HostOrder
  /// Failed and unknown hosts that a wave, and the rollout, may have.
  package var maxFailed: Limit
  /// Unreachable hosts that a wave, and the rollout, may have.
  package var maxUnreachable: Limit
  package var onFailure: FailureReaction
  /// When visits may begin; always, where there is none.
  package var windows: [RolloutWindow]
  /// Policies whose hosts must all have what they should have before this one begins.
  package var after: [Name]
  /// Around the rollout, on the controller.
  package var hooks: Hooks
  package var drift: DriftReaction
  /// How often its hosts are looked at, those that say nothing themselves; `nil` is once a day.
  package var lookEvery: LookInterval?

  package init(
    name: Name, waves: [WaveRule], parallel: Int, limits: [ParallelLimit] = [], order: HostOrder = .name,
    maxFailed: Limit, maxUnreachable: Limit, onFailure: FailureReaction = .revertHost,
    windows: [RolloutWindow] = [], after: [Name] = [], hooks: Hooks = Hooks(), drift: DriftReaction = .mend,
    lookEvery: LookInterval? = nil
  ) {
    self.name = name
    self.waves = waves
    self.parallel = parallel
    self.limits = limits
    self.order = order
    self.maxFailed = maxFailed
    self.maxUnreachable = maxUnreachable
    self.onFailure = onFailure
    self.windows = windows
    self.after = after
    self.hooks = hooks
    self.drift = drift
    self.lookEvery = lookEvery
  }

  /// What a deployment without a policy gets: one canary, a tenth, the rest. Of fewer than a hundred hosts none may fail, of more one in
  /// a hundred: among thousands there is always one with a full disk, and a person is told of it all the same.
  package static let standard = RolloutPolicy(
    name: "standard", waves: [.init(take: .count(1)), .init(take: .percent(10)), .init(take: .rest)],
    parallel: 20, maxFailed: .percent(1), maxUnreachable: .percent(10))
}

/// In which order hosts are taken.
package enum HostOrder: Hashable, Sendable {
  case name
  /// Those that failed at their last visit are first.
  case failedFirst
  /// By a label's value, then by name; hosts without it are last.
  case label(String)
}

/// What is done when something goes wrong.
package enum FailureReaction: String, Hashable, Sendable, Codable, CaseIterable {
  /// Nothing goes back, the host that failed neither: a person looks at it as it is.
  case halt
  /// The host that failed goes back; no further wave is begun.
  case revertHost = "revert-host"
  /// All hosts of the wave that failed go back.
  case revertWave = "revert-wave"
  /// All hosts of the rollout go back, newest wave first.
  case revertAll = "revert-all"
}

/// At most so many hosts at once: of all, of those that a selector picks, or of those that share a label's value.
package struct ParallelLimit: Hashable, Sendable {
  package var parallel: Int
  package var scope: Scope

  package enum Scope: Hashable, Sendable {
    case all
    case among(Selector)
    /// Each value of the label by itself.
    case per(label: String)
  }

  package init(_ parallel: Int, _ scope: Scope = .all) {
    self.parallel = parallel
    self.scope = scope
  }

  /// What a host counts towards; `nil` where it does not.
  package func group(of host: Host) -> String? {
    switch scope {
    case .all: "all"
    case .among(let selector): selector.matches(host) ? selector.text : nil
    case .per(let label): host.labels[label]
    }
  }
}

extension HostOrder: RawRepresentable, Codable {
  package var rawValue: String {
    switch self {
    case .name: "name"
    case .failedFirst: "failed-first"
    case .label(let key): "label:\(key)"
    }
  }

  package init?(rawValue: String) {
    switch rawValue {
    case "name": self = .name
    case "failed-first": self = .failedFirst
    default:
      guard rawValue.hasPrefix("label:"), rawValue.count > 6 else { return nil }
      self = .label(String(rawValue.dropFirst(6)))
    }
  }
}

extension RolloutPolicy: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, waves, parallel, limits, order, windows, after, hooks, drift
    case lookEvery = "look_every"
    case maxFailed = "max_failed"
    case maxUnreachable = "max_unreachable"
    case onFailure = "on_failure"
  }

  /// What is not said is as it is without a word; policies that were stored before there was more say nothing.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try values.decode(Name.self, forKey: .name),
      waves: try values.decode([WaveRule].self, forKey: .waves),
      parallel: try values.decode(Int.self, forKey: .parallel),
      limits: try values.decodeIfPresent([ParallelLimit].self, forKey: .limits) ?? [],
      order: try values.decodeIfPresent(HostOrder.self, forKey: .order) ?? .name,
      maxFailed: try values.decode(Limit.self, forKey: .maxFailed),
      maxUnreachable: try values.decode(Limit.self, forKey: .maxUnreachable),
      onFailure: try values.decodeIfPresent(FailureReaction.self, forKey: .onFailure) ?? .revertHost,
      windows: try values.decodeIfPresent([RolloutWindow].self, forKey: .windows) ?? [],
      after: try values.decodeIfPresent([Name].self, forKey: .after) ?? [],
      hooks: try values.decodeIfPresent(Hooks.self, forKey: .hooks) ?? Hooks(),
      drift: try values.decodeIfPresent(DriftReaction.self, forKey: .drift) ?? .mend,
      lookEvery: try values.decodeIfPresent(LookInterval.self, forKey: .lookEvery))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(waves, forKey: .waves)
    try values.encode(parallel, forKey: .parallel)
    try values.encode(maxFailed, forKey: .maxFailed)
    try values.encode(maxUnreachable, forKey: .maxUnreachable)
    if !limits.isEmpty { try values.encode(limits, forKey: .limits) }
    if order != .name { try values.encode(order, forKey: .order) }
    if onFailure != .revertHost { try values.encode(onFailure, forKey: .onFailure) }
    if !windows.isEmpty { try values.encode(windows, forKey: .windows) }
    if !after.isEmpty { try values.encode(after, forKey: .after) }
    if hooks != Hooks() { try values.encode(hooks, forKey: .hooks) }
    if drift != .mend { try values.encode(drift, forKey: .drift) }
    try values.encodeIfPresent(lookEvery, forKey: .lookEvery)
  }
}

extension ParallelLimit: Codable {
  private enum Key: String, CodingKey { case parallel, among, per }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    parallel = try values.decode(Int.self, forKey: .parallel)
    if let selector = try values.decodeIfPresent(Selector.self, forKey: .among) {
      scope = .among(selector)
    } else {
      scope = try values.decodeIfPresent(String.self, forKey: .per).map { .per(label: $0) } ?? .all
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(parallel, forKey: .parallel)
    switch scope {
    case .all: break
    case .among(let selector): try values.encode(selector, forKey: .among)
    case .per(let label): try values.encode(label, forKey: .per)
    }
  }
}
