import Fleet

/// What `--json` prints: one object, whose `schema` says what it is and in which version; JSON.md beside this file describes each.
public enum JSONText {
  /// Its raw value is in `schema`, before the version.
  public enum Schema: String, Sendable, CaseIterable {
    case accounts, adoption, certificate, certificates, changes, checks, events, hosts, plan, report, rollout,
      rollouts

    /// Counts up when a member goes or means something else; one more does not count.
    var version: Int { 2 }
  }

  public static func encode(_ value: some Encodable, as schema: Schema) throws -> String {
    try FleetJSON.pretty(Document(schema, value) { try $0.encode(to: $1) })
  }

  /// A list is the member `items`.
  public static func encode<Item: Encodable>(_ items: [Item], as schema: Schema) throws -> String {
    try FleetJSON.pretty(
      Document(schema, items) { items, encoder in
        var values = encoder.container(keyedBy: DocumentKey.self)
        try values.encode(items, forKey: .items)
      })
  }

  private enum DocumentKey: String, CodingKey { case schema, items }

  private struct Document<Value: Encodable>: Encodable {
    let schema: Schema
    let value: Value
    let encodeMembers: (Value, any Encoder) throws -> Void

    init(
      _ schema: Schema, _ value: Value, encodeMembers: @escaping (Value, any Encoder) throws -> Void
    ) {
      self.schema = schema
      self.value = value
      self.encodeMembers = encodeMembers
    }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: DocumentKey.self)
      try values.encode("certfleet/\(schema.rawValue)/\(schema.version)", forKey: .schema)
      try encodeMembers(value, encoder)
    }
  }
}
