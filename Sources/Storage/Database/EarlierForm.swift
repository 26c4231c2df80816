import Fleet
import FoundationEssentials

/// JSON as releases before schema 7 stored it, in the shapes that Swift makes by itself: brought to today's form (`FleetJSON`). What a
/// hash or a seal covers is never rewritten, and read through here for good; `form` in its row says which it is.
enum EarlierForm {
  /// For rows that anybody may rewrite.
  static let columns = [
    ("host", "spec"), ("issuer", "spec"), ("policy", "spec"), ("lineage", "spec"), ("placement", "files"),
    ("setback", "wanted"), ("instruction", "instruction"), ("renewal_advice", "advice"),
    ("backoff", "backoff"),
    ("presented", "challenge"), ("presented", "proof"),
  ]

  static func rewrite(_ database: SQLiteConnection) throws {
    for (table, column) in columns {
      let rows = try database.rows("SELECT rowid, \(column) FROM \(table) WHERE \(column) IS NOT NULL") {
        ($0.integer(0), $0.text(1))
      }
      for (row, text) in rows {
        try database.run(
          "UPDATE \(table) SET \(column) = ? WHERE rowid = ?", [.text(try current(text)), .integer(row)])
      }
    }
  }

  static func current(_ text: String) throws -> String {
    try FleetJSON.canonical(value(try FleetJSON.decode(text, as: JSONValue.self)))
  }

  // MARK: Values

  private static let moments: Set = [
    "not_before", "not_after", "issued_at", "revoked_at", "withdrawn_at", "serves_until", "deadline",
    "retry_at",
    "ask_again", "moment",
  ]
  private static let names = [
    "isCAs": "is_from_ca", "agreesToTerms": "agree_to_terms", "allowances": "allow",
  ]
  /// Their members are the user's.
  private static let dictionaries: Set = ["labels", "environment"]

  private static func value(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let items): .array(items.map(Self.value))
    case .object(let members): object(members)
    default: value
    }
  }

  private static func object(_ members: [String: JSONValue]) -> JSONValue {
    if let kind = sole(members) {
      switch kind {
      case ("minutes", .number(let minutes)): return .string(TimeOfDay(minutes: Int(minutes)).description)
      case ("approve", .object(let rest)): return tagged("approve", rest)
      case ("pause", _), ("resume", _), ("cancel", _): return tagged(kind.name, [:])
      default: break
      }
    }
    // An interval of time.
    if case .number(let start)? = members["start"], case .number(let length)? = members["duration"] {
      return .object(["start": moment(start), "end": moment(start + length)])
    }
    var result: [String: JSONValue] = [:]
    for (former, inner) in members {
      let name = names[former] ?? snakeCase(former)
      switch inner {
      case .object where dictionaries.contains(name): result[name] = inner
      case .number(let seconds) where moments.contains(name): result[name] = moment(seconds)
      case .object(let scope) where name == "scope": result.merge(limit(scope)) { $1 }
      default: result[name] = value(inner)
      }
    }
    return .object(result)
  }

  /// `{"all":{}}`, `{"among":{"_0":"SELECTOR"}}` or `{"per":{"label":"NAME"}}`.
  private static func limit(_ scope: [String: JSONValue]) -> [String: JSONValue] {
    guard let (name, inner) = sole(scope), name != "all", case .object(let payload) = inner,
      let text = payload["_0"] ?? payload["label"]
    else { return [:] }
    return [name: text]
  }

  private static func sole(_ members: [String: JSONValue]) -> (name: String, JSONValue)? {
    members.count == 1 ? members.first.map { ($0.key, $0.value) } : nil
  }

  private static func tagged(_ type: String, _ payload: [String: JSONValue]) -> JSONValue {
    var result: [String: JSONValue] = ["type": .string(type)]
    for (name, inner) in payload { result[snakeCase(name)] = value(inner) }
    return .object(result)
  }

  /// Seconds since 2001, as Foundation counts.
  private static func moment(_ seconds: Double) -> JSONValue {
    .string(Date(timeIntervalSinceReferenceDate: seconds).ISO8601Format())
  }

  private static func snakeCase(_ name: String) -> String {
    var result = ""
    var wasLower = false
    for character in name {
      if character.isUppercase, wasLower { result += "_" }
      result += character.lowercased()
      wasLower = !character.isUppercase
    }
    return result
  }

  // MARK: Events

  /// A kind of event: `{"CASE":{"_0":…,"LABEL":…}}`.
  static func currentEvent(_ text: String) throws -> String {
    let read = try FleetJSON.decode(text, as: JSONValue.self)
    guard case .object(let members) = read, let (name, inner) = sole(members),
      case .object(let payload) = inner
    else { return text }
    let type = snakeCase(name)
    if type == "step", case .object(let step)? = payload["_0"] {
      return try FleetJSON.canonical(tagged(type, Self.step(step)))
    }
    var rest = payload
    rest[nameOfFirst(type)] = rest.removeValue(forKey: "_0")
    return try FleetJSON.canonical(tagged(type, rest))
  }

  private static func nameOfFirst(_ type: String) -> String {
    switch type {
    case "visit_started", "revert_started": "token"
    case "visit_ended": "end"
    case "instructed": "instruction"
    case "note": "note"
    default: "state"
    }
  }

  private static func step(_ members: [String: JSONValue]) -> [String: JSONValue] {
    var result = members
    if case .object(let outcome)? = members["outcome"], let (name, inner) = sole(outcome) {
      var tags: [String: JSONValue] = ["type": .string(snakeCase(name))]
      if case .object(let payload) = inner, let first = payload["_0"] {
        tags[name == "exited" ? "status" : name == "signalled" ? "signal" : "why"] = first
      }
      result["outcome"] = .object(tags)
    }
    // Two halves of 128 bits that count attoseconds.
    if case .array(let halves)? = result.removeValue(forKey: "duration"),
      case .number(let high)? = halves.first, case .number(let low)? = halves.last
    {
      result["duration_seconds"] = .number((high * 0x1p64 + low) / 1e18)
    }
    return result
  }
}

extension DatabaseRow {
  /// What is covered by a hash or a seal, in the form that another column names.
  func json<Value: Decodable>(_ column: Int32, form: Int32) throws -> Value {
    integer(form) < FleetJSON.form
      ? try FleetJSON.decode(EarlierForm.current(text(column))) : try json(column)
  }

  func kind(_ column: Int32, form: Int32) throws -> Event.Kind {
    integer(form) < FleetJSON.form
      ? try FleetJSON.decode(EarlierForm.currentEvent(text(column))) : try json(column)
  }
}
