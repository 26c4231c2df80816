/// One thing that certfleet can be told to do: its words, what it takes, and what it does.
struct Command: Sendable {
  /// For example `["host", "pin"]`.
  let words: [String]
  let summary: String
  /// As usage shows them: `HOST`, `FILE...`, `[HOST]`; a trailing `...` takes one or more.
  var operands: [String] = []
  var options: [Option] = []
  let perform: @Sendable (Invocation) async throws -> ExitCode

  var name: String { words.joined(separator: " ") }

  struct Option: Sendable {
    /// Without dashes.
    let name: String
    /// The name of its value; `nil` for a switch.
    var value: String?
    let help: String
  }

  static let commonOptions = [
    Option(name: "home", value: "DIR", help: "the state folder; default \(StateFolder.standardText)"),
    Option(name: "help", help: "show this"),
  ]

  var allOptions: [Option] { options + Self.commonOptions }

  var usage: String {
    let switches = options.map { option in
      "[--\(option.name)\(option.value.map { " \($0)" } ?? "")]"
    }
    return "usage: certfleet " + ([name] + operands + switches).joined(separator: " ")
  }

  var help: String {
    let rows = allOptions.map { option in
      ("--\(option.name)\(option.value.map { " \($0)" } ?? "")", option.help)
    }
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  \($0.1)\n" }
    return "\(summary)\n\n\(usage)\n\n\(lines.joined())"
  }
}

/// What was typed, read by a command's rules.
struct Invocation: Sendable {
  let command: Command
  let operands: [String]
  /// In the order in which they were typed.
  let values: [String: [String]]
  let switches: Set<String>
  let environment: [String: String]

  func has(_ option: String) -> Bool { switches.contains(option) }
  /// The last one typed.
  subscript(_ option: String) -> String? { values[option]?.last }
  /// All that were typed, for an option that may be repeated or hold a list with commas.
  func all(_ option: String) -> [String]? {
    values[option].map { $0.flatMap { $0.split(separator: ",").map(String.init) } }
  }

  var statePath: String { self["home"] ?? StateFolder.standard(environment) }
}

/// The command line is wrong; the usage is shown with it.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  var command: Command?
  var description: String { message }
}
