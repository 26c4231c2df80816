/// A name or key that belongs to one kind of thing, so that a host's name is never passed for a lineage's.
public struct Identifier<Owner>: Hashable, Sendable {
  public let rawValue: String

  public init(_ rawValue: String) { self.rawValue = rawValue }
}

extension Identifier: Codable {
  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

extension Identifier: CustomStringConvertible {
  public var description: String { rawValue }
}

extension Identifier: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}

extension Identifier: Comparable {
  /// Natural order: `web2` before `web10`.
  public static func < (a: Self, b: Self) -> Bool { a.rawValue.naturallyPrecedes(b.rawValue) }
}
