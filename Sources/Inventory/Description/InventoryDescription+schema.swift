package import Fleet

/// The JSON Schema (draft-07, which editors know) of an inventory. What hangs together, such as a challenge's type and its keys, is
/// left to `certfleet apply`.
extension InventoryDescription {
  package func schema() -> JSONValue {
    guard case .object(var root) = objects[0].schema else { return .null }
    root["$schema"] = .string("http://json-schema.org/draft-07/schema#")
    root["definitions"] = .object(
      Dictionary(uniqueKeysWithValues: objects.dropFirst().map { ($0.definition, $0.schema) }))
    return .object(root)
  }
}

extension InventoryDescription.Object {
  fileprivate var definition: String { InventoryDescription.definition(name) }

  fileprivate var schema: JSONValue {
    var schema: [String: JSONValue] = [
      "type": .string("object"), "title": .string(title), "additionalProperties": .bool(false),
      "properties": .object(
        Dictionary(
          uniqueKeysWithValues: members.map { member in
            guard case .object(var value) = member.kind.schema else { return (member.key, .null) }
            // Beside a reference draft-07 reads nothing.
            if value["$ref"] != nil { value = ["allOf": .array([.object(value)])] }
            value["description"] = .string(member.help)
            return (member.key, .object(value))
          })),
    ]
    let required = members.filter(\.isRequired).map { JSONValue.string($0.key) }
    if !required.isEmpty { schema["required"] = .array(required) }
    return .object(schema)
  }
}

extension InventoryDescription.Kind {
  fileprivate var schema: JSONValue {
    switch self {
    case .text(_, let pattern):
      .object(["type": .string("string")].merging(pattern.map { ["pattern": .string($0)] } ?? [:]) { $1 })
    case .flag: .object(["type": .string("boolean")])
    case .number(let range):
      .object([
        "type": .string("integer"), "minimum": .number(Double(range.lowerBound)),
        "maximum": .number(Double(range.upperBound)),
      ])
    case .oneOf(let words): .object(["enum": .array(words.map(JSONValue.string))])
    case .object(let name):
      .object(["$ref": .string("#/definitions/\(InventoryDescription.definition(name))")])
    case .texts:
      .object(["type": .string("object"), "additionalProperties": .object(["type": .string("string")])])
    case .list(let kind): .object(["type": .string("array"), "items": kind.schema])
    case .oneOrList(let kind):
      .object(["anyOf": .array([kind.schema, InventoryDescription.Kind.list(kind).schema])])
    case .either(let kinds): .object(["anyOf": .array(kinds.map(\.schema))])
    }
  }
}

extension InventoryDescription {
  fileprivate static func definition(_ name: String) -> String {
    name.split(separator: " ").joined(separator: "_")
  }
}
