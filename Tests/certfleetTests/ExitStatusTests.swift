import Controller
import Foundation
import Testing

@testable import certfleet

@Suite struct ExitStatusTests {
  @Test func `code, help and reference have one table`() throws {
    guard
      case .help(let help) = try CommandLineParser(commands: Certfleet.commands, environment: [:]).parse([
        "help"
      ])
    else {
      Issue.record("no help")
      return
    }
    let page = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Sources/certfleet/Reference.docc/Troubleshooting.md"), encoding: .utf8)
    for status in ExitStatus.allCases {
      #expect(help.contains("\(status.rawValue)  \(status.meaning)\n"))
      #expect(page.contains("| \(status.rawValue) | \(status.meaning) |"))
    }
  }

  @Test func `a group has help by its word, and options may stand first`() throws {
    let parser = CommandLineParser(commands: Certfleet.commands, environment: [:])
    guard case .help(let text) = try parser.parse(["help", "rollout"]) else {
      Issue.record("no help for a group")
      return
    }
    #expect(text.contains("certfleet rollout approve") && text.contains("certfleet rollout watch"))
    guard case .run(let read) = try parser.parse(["-v", "--home", "/x", "report"]) else {
      Issue.record("not read")
      return
    }
    #expect(read.isVerbose && read.statePath == "/x" && read.command.name == "report")
  }
}
