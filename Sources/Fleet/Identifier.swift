/// A name or key that belongs to one kind of thing, so that a host's name is never passed for a lineage's.
package struct Identifier<Owner>: Hashable, Sendable {
  package let rawValue: String

  package init(_ rawValue: String) { self.rawValue = rawValue }
}

extension Identifier: Codable {
  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

extension Identifier: CustomStringConvertible {
  package var description: String { rawValue }
}

extension Identifier: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self.init(value) }
}

extension Identifier: Comparable {
  /// Natural order: `web2` before `web10`.
  package static func < (a: Self, b: Self) -> Bool { a.rawValue.naturallyPrecedes(b.rawValue) }
}
