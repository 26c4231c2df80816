/// A number of hosts that may go wrong, or a share of them.
package enum Limit: Hashable, Sendable {
  case count(Int)
  case percent(Int)

  /// The number of hosts out of `total`, rounded down: 5% of 10 hosts allows none.
  package func hosts(of total: Int) -> Int {
    switch self {
    case .count(let count): count
    case .percent(let percent): total * percent / 100
    }
  }

  /// The same for hosts that are not reached: of more than one, a percentage allows one, so that a machine that is switched off does not
  /// stop all others.
  package func unreachable(of total: Int) -> Int {
    switch self {
    case .percent(1...) where total > 1: max(hosts(of: total), 1)
    case .count, .percent: hosts(of: total)
    }
  }
}

extension Limit: CustomStringConvertible {
  package var description: String {
    switch self {
    case .count(let count): String(count)
    case .percent(let percent): "\(percent)%"
    }
  }
}

extension Limit: Codable {
  /// As in the inventory: `5` or `"10%"`.
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let count = try? value.decode(Int.self) {
      self = .count(count)
    } else {
      self = .percent(try Percentage.read(value.decode(String.self), value))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    if case .count(let count) = self { try value.encode(count) } else { try value.encode(description) }
  }
}

enum Percentage {
  static func read(_ text: String, _ place: any SingleValueDecodingContainer) throws -> Int {
    guard text.hasSuffix("%"), let percent = Int(text.dropLast()) else {
      throw DecodingError.dataCorruptedError(in: place, debugDescription: "'\(text)' is not a percentage")
    }
    return percent
  }
}
