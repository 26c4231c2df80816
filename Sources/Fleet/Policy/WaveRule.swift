/// How one wave of a policy is made up, and what has to be given before and after it.
package struct WaveRule: Hashable, Sendable {
  package var take: WaveSize
  /// How long its hosts serve the new certificate before they are looked at again and the next wave may go.
  package var bake: Duration
  /// Whether a person has to say that it may go.
  package var needsApproval: Bool
  /// Instead of the policy's.
  package var parallel: Int?
  package var maxFailed: Limit?
  package var maxUnreachable: Limit?

  package init(
    take: WaveSize, bake: Duration = .zero, needsApproval: Bool = false, parallel: Int? = nil,
    maxFailed: Limit? = nil, maxUnreachable: Limit? = nil
  ) {
    self.take = take
    self.bake = bake
    self.needsApproval = needsApproval
    self.parallel = parallel
    self.maxFailed = maxFailed
    self.maxUnreachable = maxUnreachable
  }
}

/// How many hosts a wave takes, or which.
package enum WaveSize: Hashable, Sendable {
  case count(Int)
  /// Of all hosts of the rollout, rounded up.
  case percent(Int)
  /// Those that it picks, and no other.
  case selected(Selector)
  case rest
}

extension WaveSize: CustomStringConvertible {
  package var description: String {
    switch self {
    case .count(let count): String(count)
    case .percent(let percent): "\(percent)%"
    case .selected(let selector): selector.text
    case .rest: "rest"
    }
  }
}

extension WaveSize: Codable {
  /// As in the inventory: `5`, `"10%"`, `"rest"`, `"role=canary"`.
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let count = try? value.decode(Int.self) {
      self = .count(count)
      return
    }
    let text = try value.decode(String.self)
    if text == "rest" {
      self = .rest
    } else if text.hasSuffix("%") {
      self = .percent(try Percentage.read(text, value))
    } else {
      self = .selected(try Selector(text))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    if case .count(let count) = self { try value.encode(count) } else { try value.encode(description) }
  }
}

extension WaveRule: Codable {
  private enum Key: String, CodingKey {
    case take
    case bake = "bake_seconds"
    case needsApproval = "approve"
    case parallel
    case maxFailed = "max_failed"
    case maxUnreachable = "max_unreachable"
  }

  /// A bare size where it says no more.
  package init(from decoder: any Decoder) throws {
    guard let values = try? decoder.container(keyedBy: Key.self) else {
      self.init(take: try WaveSize(from: decoder))
      return
    }
    self.init(
      take: try values.decode(WaveSize.self, forKey: .take),
      bake: .seconds(try values.decodeIfPresent(Double.self, forKey: .bake) ?? 0),
      needsApproval: try values.decodeIfPresent(Bool.self, forKey: .needsApproval) ?? false,
      parallel: try values.decodeIfPresent(Int.self, forKey: .parallel),
      maxFailed: try values.decodeIfPresent(Limit.self, forKey: .maxFailed),
      maxUnreachable: try values.decodeIfPresent(Limit.self, forKey: .maxUnreachable))
  }

  package func encode(to encoder: any Encoder) throws {
    guard self != WaveRule(take: take) else { return try take.encode(to: encoder) }
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(take, forKey: .take)
    if bake > .zero { try values.encode(bake.seconds, forKey: .bake) }
    if needsApproval { try values.encode(true, forKey: .needsApproval) }
    try values.encodeIfPresent(parallel, forKey: .parallel)
    try values.encodeIfPresent(maxFailed, forKey: .maxFailed)
    try values.encodeIfPresent(maxUnreachable, forKey: .maxUnreachable)
  }
}
