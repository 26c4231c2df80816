import Controller
import Fleet
import FoundationEssentials
import Reporting

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

  var statePath: String { self["home"] ?? StateFolder.standard(environment) }

  /// The first operand, as a rollout's number.
  func rolloutNumber() throws -> Int { try Self.rolloutNumber(operands[0], for: command) }

  static func rolloutNumber(_ text: String, for command: Command) throws -> Int {
    guard let number = Int(text), number > 0 else {
      throw UsageError(message: "'\(text.visible)' is not a rollout's number", command: command)
    }
    return number
  }

  /// The controller of the state folder, with what happens shown on the terminal.
  func controller(makes: Bool = false, acceptsCutOff: Bool = false) throws -> Controller {
    let display = RunDisplay(console: .standard)
    return try Controller(
      at: statePath, environment: environment, makes: makes, acceptsCutOff: acceptsCutOff,
      tell: display.show)
  }

  var author: Controller.Author { Controller.Author(environment, why: self["why"] ?? "") }

  // MARK: Results

  private var output: Output { has("json") ? .json : .text }

  func show(_ report: some Report) throws { Console.standard.result(try output.render(report)) }
  func show(_ rows: [some ReportRow]) throws { Console.standard.result(try output.render(rows)) }
}

/// The command line is wrong; the usage is shown with it.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  var command: Command?
  var description: String { message }
}
