import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import certfleet

@Suite struct ManualTests {
  private let pages = ManualPages(commands: Certfleet.commands)

  @Test func `every page is in order`() async throws {
    let scratch = try ScratchFolder()
    var files: [String] = []
    for name in pages.names { files.append(try scratch.write(name, try #require(pages.page(name)))) }
    let lint = try await Program.run("/usr/bin/mandoc", ["-Tlint", "-Wwarning"] + files)
    #expect(lint.status == 0 && lint.everything.isEmpty, "\(lint.everything)")
    // And for groff, by which man(1) formats here.
    for file in files {
      let groff = try await Program.run("/usr/bin/groff", ["-Kutf8", "-man", "-ww", "-Tutf8", file])
      #expect(groff.status == 0 && groff.stderr.isEmpty, "\(groff.stderr)")
    }
    withExtendedLifetime(scratch) {}
  }

  @Test(arguments: Certfleet.commands.map(\.name))
  func `every command has a page with all of its options and statuses`(name: String) async throws {
    let command = try #require(Certfleet.commands.first { $0.name == name })
    let page = try #require(pages.page("certfleet-\(command.words.joined(separator: "-")).1"))
    let scratch = try ScratchFolder()
    let text = try await Program.succeed(
      "/usr/bin/mandoc", ["-Tascii", "-Owidth=1000", try scratch.write("page.1", page)]
    ).replacing(/.\x{8}/, with: "")
    #expect(text.contains(command.summary.prefix(40)), "\(text)")
    for option in command.allOptions {
      #expect(text.contains("--\(option.name)"), "\(option.name)")
      #expect(text.contains(option.help.prefix { $0 != "…" && $0 != "’" }.prefix(30)), "\(option.help)")
    }
    for status in ExitStatus.allCases { #expect(text.contains(status.meaning)) }
  }

  @Test func `pages refer to pages that there are`() throws {
    let names = Set(pages.names)
    for name in pages.names {
      let page = try #require(pages.page(name)).replacing("\\-", with: "-")
      for match in page.matches(of: /(certfleet[a-z-]*)\(([15])\)/) {
        #expect(names.contains("\(match.output.1).\(match.output.2)"), "\(name): \(match.output.0)")
      }
    }
  }

  /// For a program that reads: whatever lists says it in JSON too.
  @Test func `what lists has JSON`() {
    let lists = Certfleet.commands.filter {
      ["list", "show", "check", "discover", "import"].contains($0.words.last) && $0.words.first != "agent"
        || ["apply", "plan", "look", "report", "doctor", "log"].contains($0.name)
    }
    let without = lists.filter { !$0.options.contains { $0.name == "json" } }.map(\.name)
    #expect(without == ["host import"], "an inventory is JSON5 itself")
  }
}
