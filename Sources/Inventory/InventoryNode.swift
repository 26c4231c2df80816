import Fleet
import FoundationEssentials

/// A value with the place where it stands. Reading it as something it is not reports a problem and gives `nil`.
struct InventoryNode {
  let value: JSONValue
  let file: String
  let path: String
  let problems: Problems

  /// Reports what is wrong here.
  func fail(_ message: String) { problems.add(file: file, path: path, message) }

  /// Says what is taken here otherwise than it stands there.
  func note(_ message: String) { problems.note(file: file, path: path, message) }

  /// Whether something is wrong with the member that `step` leads to, so that what follows from it is none of its own.
  func isMistaken(_ step: String) -> Bool {
    problems.all.contains { $0.file == file && $0.path.hasPrefix(path + step) }
  }

  /// Reports and gives nothing, for the end of a reader.
  func refuse<Value>(_ message: String) -> Value? {
    fail(message)
    return nil
  }

  func child(_ value: JSONValue, _ step: String) -> InventoryNode {
    InventoryNode(value: value, file: file, path: path + step, problems: problems)
  }

  func string() -> String? {
    guard case .string(let text) = value else { return refuse("expected a string, got \(value.shown)") }
    return text
  }

  func bool() -> Bool? {
    guard case .bool(let value) = value else { return refuse("expected true or false, got \(value.shown)") }
    return value
  }

  /// A whole number inside `range`; `what` names it in the message.
  func integer(in range: ClosedRange<Int>, _ what: String) -> Int? {
    guard case .number(let number) = value else { return refuse("expected a number, got \(value.shown)") }
    guard number == number.rounded(), let whole = Int(exactly: number), range.contains(whole) else {
      return refuse("\(value.shown) is not \(what) (\(range.lowerBound) to \(range.upperBound))")
    }
    return whole
  }

  func list() -> [InventoryNode]? {
    guard case .array(let items) = value else { return refuse("expected a list, got \(value.shown)") }
    return items.enumerated().map { child($1, "[\($0)]") }
  }

  /// A list, or one value that stands for a list of itself.
  func listOrOne() -> [InventoryNode] {
    if case .array = value { list() ?? [] } else { [self] }
  }

  func duration() -> Duration? {
    guard case .string(let text) = value, let duration = Duration(text: text), duration > .zero else {
      return refuse("\(value.shown) is not a duration; write a number with its unit, such as '5s' or '5m'")
    }
    return duration
  }

  /// One of a closed set of strings.
  func choice<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Value?
  where Value.RawValue == String {
    guard let text = string() else { return nil }
    guard let value = Value(rawValue: text) else {
      let known = Value.allCases.map(\.rawValue)
      let hint = Nearest.suggestion(for: text, among: known)
      return refuse("\(self.value.shown) is not one of \(known.joined(separator: ", "))\(hint)")
    }
    return value
  }

  /// For an object whose type people like to write alone.
  func typedObject<Value>(_ read: (InventoryObject) -> Value?) -> Value? {
    if case .string(let text) = value {
      return refuse("expected an object; write { type: '\(text.visible)' }")
    }
    return object(read)
  }

  /// Reads this as an object. `read` asks for every key that may stand in it; any other is then a problem.
  func object<Value>(_ read: (InventoryObject) -> Value?) -> Value? {
    guard case .object(let members) = value else { return refuse("expected an object, got \(value.shown)") }
    let fields = InventoryObject(node: self, members: members)
    let value = read(fields)
    fields.reportUnknown()
    return value
  }
}

/// The members of one object, and which of them were asked for.
final class InventoryObject {
  let node: InventoryNode
  private let members: [String: JSONValue]
  private var known: [String] = []

  init(node: InventoryNode, members: [String: JSONValue]) {
    self.node = node
    self.members = members
  }

  subscript(_ key: String) -> InventoryNode? {
    known.append(key)
    return members[key].map { node.child($0, node.path.isEmpty ? key : ".\(key)") }
  }

  func required(_ key: String) -> InventoryNode? {
    if let found = self[key] { return found }
    return node.refuse("'\(key)' is missing")
  }

  /// Where the key that says what may stand here cannot be read, no other can be judged.
  func ignoringTheRest<Value>() -> Value? {
    known += members.keys
    return nil
  }

  fileprivate func reportUnknown() {
    for key in members.keys.sorted() where !known.contains(key) {
      let hint = Nearest.suggestion(for: key, among: known)
      node.fail(
        "unknown key '\(key.visible)'\(hint.isEmpty ? "; known are \(known.joined(separator: ", "))" : hint)")
    }
  }
}
