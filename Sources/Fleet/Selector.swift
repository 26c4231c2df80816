/// Picks hosts: by label in the Kubernetes label-selector grammar (`role=web,region in (eu,us),!legacy`), by a
/// name or name glob (`web-*`, `!web-*`), or all of them (`*`).
package struct Selector: Hashable, Sendable {
  /// One comma-separated part; a host is picked when all of them hold.
  enum Requirement: Hashable, Sendable {
    case name(glob: String)
    case notName(glob: String)
    case equals(key: String, value: String)
    case differs(key: String, value: String)
    case isIn(key: String, values: [String])
    case isNotIn(key: String, values: [String])
    case has(key: String)
    case lacks(key: String)
  }

  package let text: String
  let requirements: [Requirement]

  /// - Throws: `Malformed`, which points at the place.
  package init(_ text: String) throws(Malformed) {
    var parser = SelectorParser(text)
    self.requirements = try parser.parse()
    self.text = text
  }

  private init(name: Host.Name) {
    text = "name:\(name)"
    requirements = [.name(glob: name.rawValue)]
  }

  /// Picks this host alone.
  package static func name(of host: Host) -> Selector { Selector(name: host.name) }

  package func matches(_ host: Host) -> Bool { requirements.allSatisfy { $0.holds(for: host) } }

  /// A selector that cannot be read.
  package struct Malformed: Error, Hashable, CustomStringConvertible {
    package let text: String
    /// In characters from the start of `text`.
    package let offset: Int
    package let rule: String

    /// One line, with a caret in the text before the place.
    package var description: String {
      let (before, after) = (text.prefix(offset), text.dropFirst(offset))
      let start = (before.count > Self.context ? "…" : "") + String(before.suffix(Self.context)).visible
      let end = String(after.prefix(Self.context)).visible + (after.count > Self.context ? "…" : "")
      return "\(rule) at position \(offset + 1): '\(start)^\(end)'"
    }

    /// How many characters beside the place are shown.
    private static let context = 60
  }
}

extension Selector.Requirement {
  func holds(for host: Host) -> Bool {
    switch self {
    case .name(let glob): Glob(glob).matches(host.name.rawValue)
    case .notName(let glob): !Glob(glob).matches(host.name.rawValue)
    case .equals(let key, let value): host.labels[key] == value
    case .differs(let key, let value): host.labels[key] != value
    case .isIn(let key, let values): host.labels[key].map(values.contains) ?? false
    case .isNotIn(let key, let values): !(host.labels[key].map(values.contains) ?? false)
    case .has(let key): host.labels[key] != nil
    case .lacks(let key): host.labels[key] == nil
    }
  }
}

extension Selector: Codable {
  package init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
