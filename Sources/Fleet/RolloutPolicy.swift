/// How a rollout goes through its hosts.
public struct RolloutPolicy: Hashable, Sendable, Codable {
  public typealias Name = Identifier<RolloutPolicy>

  public var name: Name
  public var waves: [WaveSize]
  /// Visits at the same time inside a wave.
  public var parallel: Int
  /// Failed and unknown hosts that a wave, and the rollout, may have.
  public var maxFailed: Limit
  /// Unreachable hosts that a wave, and the rollout, may have.
  public var maxUnreachable: Limit

  public init(
    name: Name, waves: [WaveSize], parallel: Int, maxFailed: Limit, maxUnreachable: Limit
  ) {
    self.name = name
    self.waves = waves
    self.parallel = parallel
    self.maxFailed = maxFailed
    self.maxUnreachable = maxUnreachable
  }

  /// What a deployment without a policy gets: one canary, a tenth, the rest; no host may fail.
  public static let standard = RolloutPolicy(
    name: "standard", waves: [.count(1), .percent(10), .rest], parallel: 20, maxFailed: .count(0),
    maxUnreachable: .percent(10))
}

/// How many hosts a wave takes.
public enum WaveSize: Hashable, Sendable {
  case count(Int)
  /// Of all hosts of the rollout, rounded up.
  case percent(Int)
  case rest
}

extension WaveSize: CustomStringConvertible {
  public var description: String {
    switch self {
    case .count(let count): String(count)
    case .percent(let percent): "\(percent)%"
    case .rest: "rest"
    }
  }
}

extension WaveSize: Codable {
  /// As in the inventory: `5`, `"10%"`, `"rest"`.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let count = try? value.decode(Int.self) {
      self = .count(count)
    } else if try value.decode(String.self) == "rest" {
      self = .rest
    } else {
      self = .percent(try Percentage.read(value))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    if case .count(let count) = self { try value.encode(count) } else { try value.encode(description) }
  }
}

/// A number of hosts that may go wrong, or a share of them.
public enum Limit: Hashable, Sendable {
  case count(Int)
  case percent(Int)

  /// The number of hosts out of `total`, rounded down: 5% of 10 hosts allows none.
  public func hosts(of total: Int) -> Int {
    switch self {
    case .count(let count): count
    case .percent(let percent): total * percent / 100
    }
  }
}

extension Limit: CustomStringConvertible {
  public var description: String {
    switch self {
    case .count(let count): String(count)
    case .percent(let percent): "\(percent)%"
    }
  }
}

extension Limit: Codable {
  /// As in the inventory: `5` or `"10%"`.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let count = try? value.decode(Int.self) {
      self = .count(count)
    } else {
      self = .percent(try Percentage.read(value))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    if case .count(let count) = self { try value.encode(count) } else { try value.encode(description) }
  }
}

private enum Percentage {
  static func read(_ value: any SingleValueDecodingContainer) throws -> Int {
    let text = try value.decode(String.self)
    guard text.hasSuffix("%"), let percent = Int(text.dropLast()) else {
      throw DecodingError.dataCorruptedError(in: value, debugDescription: "'\(text)' is not a percentage")
    }
    return percent
  }
}
