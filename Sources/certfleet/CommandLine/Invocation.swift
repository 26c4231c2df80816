import Controller
import Fleet
import FoundationEssentials
import Reporting
import Storage

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

  var isVerbose: Bool { has("verbose") || environment["CERTFLEET_LOG"] == "debug" }

  var statePath: String { self["home"] ?? StateDirectory.standardPath(environment) }

  /// The first operand, as a rollout's number.
  func rolloutNumber() throws -> Int { try Self.rolloutNumber(operands[0], for: command) }

  /// The same, or without one the newest rollout's.
  func rolloutNumber(orNewestOf controller: Controller) async throws -> Int {
    if !operands.isEmpty { return try rolloutNumber() }
    guard let newest = try await controller.store.rollouts(limit: 1).first else {
      throw UsageError(message: "there is no rollout yet", command: command)
    }
    return newest.id.number
  }

  static func rolloutNumber(_ text: String, for command: Command) throws -> Int {
    guard let number = Int(text), number > 0 else {
      throw UsageError(message: "'\(text.visible)' is not a rollout's number", command: command)
    }
    return number
  }

  /// The controller of the state folder, with what happens shown on the terminal.
  func controller(makes: Bool = false, acceptsCutOff: Bool = false) throws -> Controller {
    let display = has("quiet") ? nil : RunDisplay(console: .standard)
    return try Controller(
      at: statePath, environment: environment, makes: makes, acceptsCutOff: acceptsCutOff,
      tell: { display?.show($0) })
  }

  var author: Controller.Author { Controller.Author(environment, why: self["why"] ?? "") }

  /// Asks before what cannot be undone, unless `--yes` says it.
  ///
  /// - Throws: `Declined`, where nobody can be asked.
  func confirm(_ question: String) throws -> Bool {
    if has("yes") { return true }
    guard Console.standard.canAsk else {
      throw Declined(
        description: "\(question) There is no terminal to ask on; to do it without a question: --yes")
    }
    return Console.standard.confirm(question)
  }

  // MARK: Results

  private var output: Output { has("json") ? .json : .text }

  func show(_ report: some Report) throws {
    Console.standard.result(try output.render(report, on: Console.standard.screen))
  }
  func show(_ rows: [some ReportRow]) throws { Console.standard.result(try output.render(rows)) }
}

/// The command line is wrong; the usage is shown with it.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  var command: Command?
  var description: String { message }
}
