import FoundationEssentials

/// What one member of something declared was and is.
package struct FieldChange: Hashable, Sendable, Codable {
  /// As in `deploy[0].hooks`.
  package var field: String
  package var before: String?
  package var after: String?
  /// Of a list of words, in the place of both.
  package var removed: [String] = []
  package var added: [String] = []

  /// Between two texts in JSON, in the order of the members' names.
  package static func all(from former: String, to new: String) throws -> [FieldChange] {
    var changes: [FieldChange] = []
    compare(try FleetJSON.decode(former), try FleetJSON.decode(new), at: "", &changes)
    return changes
  }

  private static func compare(
    _ former: JSONValue?, _ new: JSONValue?, at field: String, _ changes: inout [FieldChange]
  ) {
    guard former != new else { return }
    switch (former, new) {
    case (.object(let old), .object(let new)):
      for key in Set(old.keys).union(new.keys).sorted() {
        compare(old[key], new[key], at: field.isEmpty ? key : "\(field).\(key)", &changes)
      }
    case (.array(let old), .array(let new)) where (old + new).allSatisfy(\.isWord):
      let (before, after) = (old.map(\.text), new.map(\.text))
      let (removed, added) = (before.filter { !after.contains($0) }, after.filter { !before.contains($0) })
      // The same in another order.
      let isOrder = removed.isEmpty && added.isEmpty
      changes.append(
        FieldChange(
          field: field, before: isOrder ? before.joined(separator: ", ") : nil,
          after: isOrder ? after.joined(separator: ", ") : nil, removed: removed, added: added))
    case (.array(let old), .array(let new)):
      for index in 0..<max(old.count, new.count) {
        compare(
          old.indices.contains(index) ? old[index] : nil, new.indices.contains(index) ? new[index] : nil,
          at: "\(field)[\(index)]", &changes)
      }
    default: changes.append(FieldChange(field: field, before: former?.text, after: new?.text))
    }
  }
}

extension JSONValue {
  fileprivate var isWord: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  fileprivate var text: String {
    switch self {
    case .string(let text): text
    case .number(let number):
      number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
    case .bool(let truth): truth ? "true" : "false"
    case .null: "null"
    case .array(let list): "[\(list.map(\.text).joined(separator: ", "))]"
    case .object(let members):
      "{\(members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", "))}"
    }
  }
}
