import Fleet
import Issuance
import Testing

@testable import certfleet

@Suite struct CommandLineTests {
  private let parser = CommandLineParser(commands: Certfleet.commands, environment: [:])

  @Test(arguments: Certfleet.commands.map(\.name))
  func `every command has help, by both ways of asking`(name: String) throws {
    let words = name.split(separator: " ").map(String.init)
    for arguments in [words + ["--help"], ["help"] + words] {
      guard case .help(let text) = try parser.parse(arguments) else {
        Issue.record("no help for \(name)")
        return
      }
      #expect(text.contains("usage: certfleet \(name)"))
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= 110 })
    }
  }

  @Test(arguments: [
    (["runn"], "unknown command 'runn'; did you mean 'run'?"),
    (["host"], "host needs a verb: list, show, import, discover, pin, check, claim, retire"),
    (
      ["host", "pni"], "'pni' is not a verb of host: list, show, import, discover, pin, check, claim, retire"
    ),
    (["cert", "revoke"], "CERT is missing"),
    (["cert", "revoke", "a", "b"], "'b' is one argument too many"),
    (["run", "--jsn"], "unknown option '--jsn'"),
    (["report", "--jsn"], "unknown option '--jsn'; did you mean 'json'?"),
    (["report", "-j"], "unknown option '-j'; options begin with '--'"),
    (["report", "--home"], "--home needs a value: DIR"), (["report", "--json=1"], "--json takes no value"),
  ])
  func `a wrong command line says what is wrong`(arguments: [String], message: String) {
    #expect { try parser.parse(arguments) } throws: { "\($0)" == message }
  }

  @Test func `options and operands stand in any order`() throws {
    guard case .run(let read) = try parser.parse(["apply", "a", "--home=/x", "--prune", "b", "--", "--c"])
    else {
      Issue.record("not read")
      return
    }
    #expect(read.operands == ["a", "b", "--c"])
    #expect(read.statePath == "/x")
    #expect(read.has("prune"))
  }

  @Test func `home may stand first, and a group has help`() throws {
    guard case .run(let read) = try parser.parse(["--home", "/x", "report", "--json"]),
      case .help(let text) = try parser.parse(["host", "--help"])
    else {
      Issue.record("not read")
      return
    }
    #expect(read.statePath == "/x" && read.has("json"))
    #expect(text.contains("certfleet host list") && text.contains("certfleet host pin"))
  }

  /// Every command that a text tells people to type.
  static let remedies: [Remedy] =
    [
      .apply, .run, .plan, .pinHost(nil), .pinHost("web1"), .pinHost("web1", fingerprint: "SHA256:x"),
      .installAgent("web1"),
      .renew("c"), .issue("c"), .revert("c"), .adopt(folder: "/etc/letsencrypt", lineage: "c"),
      .registerAccount("ca"), .startRollout("c"), .showPlan(.init(1)), .approve(.init(1), wave: 2),
      .resume(.init(1)), .retry(.init(1)), .cancel(.init(1)), .showLog(.init(1)), .showWholeLog(.init(1)),
      .showHostLog("web1"), .applyFile("f.json5"), .acceptLoss,
      .showLog(.init(1), host: "web1"), .showCertificate("c"), .watch(.init(1)), .startNow(.init(1)),
    ] + Remedy.Listing.allCases.map { .list($0) }

  @Test(arguments: remedies)
  func `what an error tells to type is a command`(remedy: Remedy) throws {
    let words = remedy.words.flatMap { $0.split(separator: " ").map(String.init) }
    guard case .run = try parser.parse(words) else {
      Issue.record("\(remedy) is no command")
      return
    }
  }

  @Test func `of very many things that are wrong the first are shown, and how many more there are`() {
    func lines(_ count: Int) -> [String] {
      ErrorText.lines(for: Declined(description: (1...count).map { "slip \($0)" }.joined(separator: "\n")))
    }
    #expect(lines(21).last == "certfleet: slip 21")
    #expect(lines(400).count == 21)
    #expect(lines(400).last == "certfleet: and 380 more of the kind; mend these first")
  }

  @Test func `what the world or a person got wrong is no defect of certfleet`() {
    #expect(ExitStatus(for: WrongClock(description: "the clock")) == .failed)
    #expect(ExitStatus(for: CancellationError()) == .failed)
    #expect(throws: Selector.Malformed.self) { try Selector("a in (") }
    do { _ = try Selector("a in (") } catch { #expect(ExitStatus(for: error) == .badInput) }
  }

  @Test func `the version says what is run, and with which libraries`() throws {
    guard case .help(let text) = try parser.parse(["--version"]) else {
      Issue.record("--version is no command")
      return
    }
    #expect(text.contains(/^certfleet [0-9.]+/))
    #expect(text.contains(/libssh2 [0-9.]+.*, SQLite [0-9.]+, OpenSSL [0-9.]+.*, libcurl [0-9.]+/))
  }
}
