import Fleet

extension InventoryNode {
  func policy(_ defaults: Defaults) -> RolloutPolicy? {
    object { fields in
      let standard = RolloutPolicy.standard
      let name = fields.required("name")?.name()
      let waves = fields["waves"].map { $0.waves() } ?? standard.waves
      let parallel = fields["parallel"].map { $0.parallel() } ?? defaults.parallel
      let limits = fields["limits"].map { $0.limits() } ?? []
      let order = fields["order"].map { $0.order() } ?? standard.order
      let failed = fields["max_failed"].map { $0.limit() } ?? .count(0)
      let unreachable = fields["max_unreachable"].map { $0.limit() } ?? standard.maxUnreachable
      let reaction = fields["on_failure"].map { $0.choice(FailureReaction.self) } ?? standard.onFailure
      let windows = fields["window"].map { $0.listOrOne().compactMap { $0.window() } } ?? []
      let after = fields["after"].map { $0.listOrOne().compactMap { $0.name() } } ?? []
      let hooks = fields["hooks"].map { $0.rolloutHooks() } ?? Hooks()
      let drift = fields["drift"].map { $0.choice(DriftReaction.self) } ?? .mend
      let lookEvery = fields["look_every"].map { $0.lookInterval() } ?? defaults.lookEvery
      guard let name, let waves, let parallel, let limits, let order, let failed, let unreachable,
        let reaction, let hooks, let drift
      else { return nil }
      return RolloutPolicy(
        name: RolloutPolicy.Name(name), waves: waves, parallel: parallel, limits: limits + defaults.limits,
        order: order, maxFailed: failed, maxUnreachable: unreachable, onFailure: reaction, windows: windows,
        after: after.map { RolloutPolicy.Name($0) }, hooks: hooks, drift: drift, lookEvery: lookEvery)
    }
  }

  /// `{ keep: "400d" }`.
  func history() -> HistoryKeeping? {
    object { fields in
      guard let keep = fields.required("keep"), let duration = keep.duration() else { return nil }
      guard duration >= .seconds(86400) else {
        return keep.refuse("\(keep.value.shown) is less than a day, and runs look back further; write '400d'")
      }
      return HistoryKeeping(keep: duration)
    }
  }

  /// `12h`, or `never`.
  func lookInterval() -> LookInterval? {
    if case .string("never") = value { return .never }
    guard let duration = duration() else { return nil }
    guard duration >= .seconds(60) else {
      return refuse("\(value.shown) is too often to look at every host; write '1m' or more, or 'never'")
    }
    return .every(duration)
  }

  func parallel() -> Int? { integer(in: 1...1000, "a number of hosts") }

  func limits() -> [ParallelLimit]? { listOrOne().compactMap { $0.parallelLimit() } }

  /// `{ parallel: 2, among: "rack=r7" }`, `{ parallel: 2, per: "rack" }`, `{ parallel: 100 }`.
  private func parallelLimit() -> ParallelLimit? {
    object { fields in
      let parallel = fields.required("parallel")?.parallel()
      let (among, per) = (fields["among"], fields["per"])
      let (selector, label) = (among?.selector(), per?.labelKey())
      if among != nil { per?.fail("'among' says already which hosts; write two limits") }
      guard let parallel else { return nil }
      if among != nil { return selector.map { ParallelLimit(parallel, .among($0)) } }
      if per != nil { return label.map { ParallelLimit(parallel, .per(label: $0)) } }
      return ParallelLimit(parallel)
    }
  }

  private func order() -> HostOrder? {
    guard let text = string() else { return nil }
    guard let order = HostOrder(rawValue: text) else {
      return refuse("\(value.shown) is not an order; write 'name', 'failed-first' or 'label:KEY'")
    }
    return order
  }

  func limit() -> Limit? {
    if case .number = value { return integer(in: 0...1_000_000, "a number of hosts").map(Limit.count) }
    return percent(from: 0).map(Limit.percent)
  }

  func percent(from least: Int) -> Int? {
    guard case .string(let text) = value, text.hasSuffix("%"), let percent = Int(text.dropLast()) else {
      return refuse("\(value.shown) is not a number of hosts or a percentage; write 5 or '5%'")
    }
    guard (least...100).contains(percent) else {
      return refuse("\(value.shown) is not a percentage (\(least)% to 100%)")
    }
    return percent
  }

  /// On the controller, around the rollout: no host is one's own there.
  private func rolloutHooks() -> Hooks? {
    object { fields in
      func hooks(_ key: String) -> [Hook] {
        (fields[key]?.listOrOne() ?? []).compactMap { $0.hook() }.map {
          var hook = $0
          hook.place = .controller
          return hook
        }
      }
      return Hooks(pre: hooks("pre"), post: hooks("post"))
    }
  }
}
