import Storage

/// One thing that certfleet can be told to do: its words, what it takes, and what it does.
struct Command: Sendable {
  /// For example `["host", "pin"]`.
  let words: [String]
  let summary: String
  /// As usage shows them: `HOST`, `FILE...`, `[HOST]`; a trailing `...` takes one or more.
  var operands: [String] = []
  var options: [Option] = []
  let perform: @Sendable (Invocation) async throws -> ExitStatus

  var name: String { words.joined(separator: " ") }

  struct Option: Sendable {
    /// Without dashes.
    let name: String
    /// One letter that stands for it, without its dash.
    var letter: Character?
    /// The name of its value; `nil` for a switch.
    var value: String?
    let help: String
  }

  static let commonOptions = [
    Option(name: "home", value: "DIR", help: "the state folder; default \(StateDirectory.standardText)"),
    Option(
      name: "verbose", help: "tell what is done on the wire, on stderr; also -v, or CERTFLEET_LOG=debug"),
    Option(name: "help", help: "show this"),
  ]

  var allOptions: [Option] { options + Self.commonOptions }

  var usage: String {
    let switches = options.map { option in
      "[--\(option.name)\(option.value.map { " \($0)" } ?? "")]"
    }
    // No line wider than a narrow terminal; what goes on is under the first operand.
    return (operands + switches).reduce(into: ["usage: certfleet \(name)"]) { lines, word in
      if lines[lines.count - 1].count + word.count < 80 {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(repeating: " ", count: 18 + name.count) + word)
      }
    }.joined(separator: "\n")
  }

  var help: String {
    let rows = allOptions.map { option in
      (
        "\(option.letter.map { "-\($0), " } ?? "")--\(option.name)\(option.value.map { " \($0)" } ?? "")",
        option.help
      )
    }
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  \($0.1)\n" }
    return "\(summary)\n\n\(usage)\n\n\(lines.joined())"
  }
}

extension Command.Option {
  static let json = Command.Option(name: "json", help: "as JSON")
  static let yes = Command.Option(name: "yes", help: "do it without a question")
  static let why = Command.Option(name: "why", value: "TEXT", help: "the reason, for the log")
  static let dryRun = Command.Option(name: "dry-run", help: "only show what would be done; contacts nobody")
}
