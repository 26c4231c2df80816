import Fleet

/// What `--json` prints: one object, or of the log one on each line, whose `schema` says what it is and in which version; JSON.md beside this file describes each.
package enum JSONText {
  /// Its raw value is in `schema`, before the version.
  package enum Schema: String, Sendable, CaseIterable {
    case accounts, adoption, certificate, certificates, changes, checks, controllers, discovery, event,
      findings, host,
      hosts, look,
      plan,
      report,
      rollout, rollouts

    /// Counts up when a member goes or means something else; one more does not count.
    var version: Int { 2 }
  }

  package static func encode(_ value: some Encodable, as schema: Schema) throws -> String {
    try FleetJSON.pretty(Document(schema: name(of: schema), value: value))
  }

  /// On one line, for a list that has no end.
  package static func line(_ value: some Encodable, as schema: Schema) throws -> String {
    try FleetJSON.canonical(Document(schema: name(of: schema), value: value)) + "\n"
  }

  private static func name(of schema: Schema) -> String { "certfleet/\(schema.rawValue)/\(schema.version)" }

  /// A list is the member `items`.
  package static func encode<Item: Encodable>(_ items: [Item], as schema: Schema) throws -> String {
    try encode(List(items: items), as: schema)
  }

  private struct List<Item: Encodable>: Encodable { let items: [Item] }

  /// The members of a value, and beside them what it is.
  private struct Document<Value: Encodable>: Encodable {
    let schema: String
    let value: Value

    private enum Key: String, CodingKey { case schema }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: Key.self)
      try values.encode(schema, forKey: .schema)
      try value.encode(to: encoder)
    }
  }
}
