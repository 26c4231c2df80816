import Fleet

extension Node {
  func policy(_ defaults: Defaults) -> RolloutPolicy? {
    object { fields in
      let name = fields.required("name")?.name()
      let waves = fields["waves"].map { $0.waves() } ?? RolloutPolicy.standard.waves
      let parallel =
        fields["parallel"].map { $0.integer(in: 1...1000, "a number of hosts") } ?? defaults.parallel
      let failed = fields["max_failed"].map { $0.limit() } ?? RolloutPolicy.standard.maxFailed
      let unreachable = fields["max_unreachable"].map { $0.limit() } ?? RolloutPolicy.standard.maxUnreachable
      guard let name, let waves, let parallel, let failed, let unreachable else { return nil }
      if name == RolloutPolicy.standard.name.rawValue {
        return fields.node.refuse(
          "the name 'standard' is taken by the policy that is used where none is named")
      }
      return RolloutPolicy(
        name: RolloutPolicy.Name(name), waves: waves, parallel: parallel, maxFailed: failed,
        maxUnreachable: unreachable)
    }
  }

  private func waves() -> [WaveSize]? {
    guard let items = list() else { return nil }
    let sizes = items.compactMap { $0.waveSize() }
    guard !items.isEmpty else {
      return refuse("a rollout needs at least one wave, such as [1, '10%', 'rest']")
    }
    guard sizes.count == items.count else { return nil }
    if let early = sizes.dropLast().firstIndex(of: .rest) {
      items[early].fail("'rest' can only be the last wave")
      return nil
    }
    return sizes
  }

  /// A count, a percentage, `rest`, or an object that takes one of them.
  private func waveSize() -> WaveSize? {
    switch value {
    case .number: return integer(in: 1...1_000_000, "a number of hosts").map(WaveSize.count)
    case .string("rest"): return .rest
    case .string: return percent(from: 1).map(WaveSize.percent)
    case .object: return object { $0.required("take")?.waveSize() }
    default:
      return refuse("expected a number of hosts, a percentage such as '10%', or 'rest', got \(value.shown)")
    }
  }

  private func limit() -> Limit? {
    if case .number = value { return integer(in: 0...1_000_000, "a number of hosts").map(Limit.count) }
    return percent(from: 0).map(Limit.percent)
  }

  private func percent(from least: Int) -> Int? {
    guard case .string(let text) = value, text.hasSuffix("%"), let percent = Int(text.dropLast()) else {
      return refuse("\(value.shown) is not a number of hosts or a percentage; write 5 or '5%'")
    }
    guard (least...100).contains(percent) else {
      return refuse("\(value.shown) is not a percentage (\(least)% to 100%)")
    }
    return percent
  }
}
