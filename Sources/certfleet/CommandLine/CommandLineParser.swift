import Fleet

/// Reads what was typed: `certfleet WORD [WORD] [operands and options in any order]`.
struct CommandLineParser {
  let commands: [Command]
  let environment: [String: String]

  enum Parsed {
    case run(Invocation)
    case help(String)
  }

  func parse(_ typed: [String]) throws(UsageError) -> Parsed {
    let arguments = Self.withGlobalOptionsLast(typed.map { $0 == "-v" ? "--verbose" : $0 })
    if arguments.count == 2, ["--help", "-h"].contains(arguments[1]) {
      let group = commands.filter { $0.words.count == 2 && $0.words[0] == arguments[0] }
      if !group.isEmpty { return .help(group.map(\.help).joined(separator: "\n")) }
    }
    guard let first = arguments.first, !["help", "--help", "-h"].contains(first) else {
      return .help(try overview(about: arguments.dropFirst().filter { !$0.hasPrefix("-") }))
    }
    if first == "--version" { return .help(Version.text) }
    let command = try find(arguments)
    var operands: [String] = []
    var values: [String: [String]] = [:]
    var switches: Set<String> = []
    var rest = arguments.dropFirst(command.words.count)
    while let typed = rest.popFirst() {
      let word = Self.spelledOut(typed, of: command)
      if word == "--" {
        operands += rest
        rest = []
      } else if word == "-h" || word == "--help" {
        return .help(command.help)
      } else if word.hasPrefix("--") {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let option = try option(String(parts[0]), of: command)
        if let placeholder = option.value {
          guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
            throw UsageError(message: "--\(option.name) needs a value: \(placeholder)", command: command)
          }
          values[option.name, default: []].append(value)
        } else {
          guard parts.count == 1 else {
            throw UsageError(message: "--\(option.name) takes no value", command: command)
          }
          switches.insert(option.name)
        }
      } else if word.hasPrefix("-"), word.count > 1 {
        throw UsageError(
          message: "unknown option '\(word.visible)'; options begin with '--'", command: command)
      } else {
        operands.append(word)
      }
    }
    try check(operands, for: command)
    return .run(
      Invocation(
        command: command, operands: operands, values: values, switches: switches, environment: environment))
  }

  /// `-o wide` and `-owide` are `--output wide` and `--output=wide`.
  private static func spelledOut(_ word: String, of command: Command) -> String {
    let letters = word.dropFirst()
    guard word.hasPrefix("-"), let letter = letters.first, letter != "-",
      let option = command.allOptions.first(where: { $0.letter == letter })
    else { return word }
    let value = letters.dropFirst()
    return value.isEmpty
      ? "--\(option.name)" : "--\(option.name)=\(value.hasPrefix("=") ? value.dropFirst() : value)"
  }

  /// --home and --verbose may stand before the command, as git's and kubectl's global options do.
  private static func withGlobalOptionsLast(_ typed: [String]) -> [String] {
    var (rest, leading): (ArraySlice<String>, [String]) = (typed[...], [])
    while let first = rest.first, first.hasPrefix("--home") || first == "--verbose" {
      let count = first == "--home" ? 2 : 1
      leading += rest.prefix(count)
      rest = rest.dropFirst(count)
    }
    return rest + leading
  }

  /// The command with the most words that the arguments begin with.
  private func find(_ arguments: [String]) throws(UsageError) -> Command {
    let matching = commands.filter { arguments.starts(with: $0.words) }
    if let command = matching.max(by: { $0.words.count < $1.words.count }) { return command }
    let group = commands.filter { $0.words.first == arguments[0] }
    if !group.isEmpty {
      let verbs = group.compactMap { $0.words.dropFirst().first }
      let typed =
        arguments.dropFirst().first.map { "'\($0.visible)' is not a verb of \(arguments[0])" }
        ?? "\(arguments[0]) needs a verb"
      throw UsageError(message: "\(typed): \(verbs.joined(separator: ", "))")
    }
    let hint = Nearest.suggestion(for: arguments[0], among: commands.map { $0.words[0] })
    throw UsageError(
      message: "unknown command '\(arguments[0].visible)'\(hint.isEmpty ? "; see certfleet help" : hint)")
  }

  private func option(_ name: String, of command: Command) throws(UsageError) -> Command.Option {
    if let option = command.allOptions.first(where: { $0.name == name }) { return option }
    let hint = Nearest.suggestion(for: name, among: command.allOptions.map(\.name))
    throw UsageError(message: "unknown option '--\(name.visible)'\(hint)", command: command)
  }

  private func check(_ operands: [String], for command: Command) throws(UsageError) {
    let required = command.operands.count { !$0.hasPrefix("[") }
    guard operands.count >= required else {
      throw UsageError(message: "\(command.operands[operands.count]) is missing", command: command)
    }
    let most = command.operands.contains { $0.contains("...") } ? Int.max : command.operands.count
    guard operands.count <= most else {
      throw UsageError(message: "'\(operands[most].visible)' is one argument too many", command: command)
    }
  }

  private func overview(about words: [String]) throws(UsageError) -> String {
    if words.count == 1, case let group = commands.filter({ $0.words.count == 2 && $0.words[0] == words[0] }),
      !group.isEmpty
    {
      return group.map(\.help).joined(separator: "\n")
    }
    if !words.isEmpty { return try find(words).help }
    let width = commands.map(\.name.count).max() ?? 0
    let lines = commands.map { command in
      "  \(command.name)\(String(repeating: " ", count: width - command.name.count))  \(command.summary)\n"
    }
    let codes = ExitStatus.allCases.map { "  \($0.rawValue < 10 ? " " : "")\($0.rawValue)  \($0.meaning)\n" }
    return """
      certfleet issues TLS certificates in one place and rolls them out to many hosts over SSH.

      usage: certfleet COMMAND [--home DIR] …

      \(lines.joined())
      certfleet help COMMAND tells more. Exit codes:

      \(codes.joined())
      """
  }
}
