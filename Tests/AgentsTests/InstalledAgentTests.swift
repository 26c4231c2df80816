import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

/// The agent behind a forced command: what it is sent is data, and its configuration decides.
@Suite struct InstalledAgentTests {
  private struct Installed {
    let scene: AgentScene
    let agent: String

    init(_ shell: Shell, allowing lines: [String]) throws {
      scene = try AgentScene(shell)
      let configuration = scene.scratch.path + "/agent.conf"
      try Files.write(configuration, "# allowed\n\nbase \(scene.base)\n" + lines.map { $0 + "\n" }.joined())
      agent = try scene.scratch.write(
        "agent", AgentScript.text + "\ncertfleet_installed \(configuration)\n")
    }

    func replies(_ text: String) async throws -> [AgentReply] {
      let input = try scene.scratch.write("stdin", text)
      let result = try await Program.run(
        try Program.find(scene.shell.words[0]), scene.shell.words.dropFirst() + [agent],
        environment: ["HOME": scene.scratch.path], stdin: Files.read(input))
      var parser = ReplyParser(nonce: "n0nce")
      return try parser.consume(Array(result.stdout.utf8))
    }

    /// - Parameter change: what another controller might make of the request.
    func visit(
      _ generation: Int, hooks: Hooks = Hooks(), destinations: [AgentRequest.Destination] = [],
      change: (String) -> String = { $0 }
    ) async throws -> [AgentReply] {
      let bytes = scene.request(generation: generation, hooks: hooks, destinations: destinations).bytes(
        now: Date())
      let text = String(decoding: bytes, as: UTF8.self)
      let start = try #require(text.range(of: "\ncertfleet_request='", options: .backwards))
      return try await replies(change(String(text[text.index(after: start.lowerBound)...])))
    }
  }

  @Test(arguments: Shell.all)
  func `a request with a record that nobody knows is refused, for it might forbid something`(shell: Shell)
    async throws
  {
    let host = try Installed(shell, allowing: ["certificate x"])
    for record in ["only fridays", "stay here", "base :/other"] {
      let replies = try await host.visit(1) { $0.replacing("\nbase :", with: "\n\(record)\nbase :") }
      let kind = record.prefix { $0 != " " }
      #expect(
        replies.end
          == .end(
            .failedClean,
            text: "the request cannot be read: there is a record '\(kind)' that is not as it should be"))
    }
    let none = try await host.visit(1) { $0.replacing("base :\(host.scene.base)\n", with: "") }
    #expect(none.end == .end(.failedClean, text: "the request must name one visit and one base"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: host.scene.base).isEmpty)
  }

  /// The inventory refuses them, too; whoever has the restricted key writes none.
  @Test(arguments: Shell.all)
  func `a variable that would change how programs run, and a link in another's folder, are refused`(
    shell: Shell
  )
    async throws
  {
    let host = try Installed(shell, allowing: ["certificate x", "hook pre 60 - stop :true", "need true"])
    for name in ["LD_PRELOAD", "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PS4", "certfleet_group"] {
      let replies = try await host.visit(
        1, hooks: Hooks(pre: [Hook(command: "true", environment: [name: "/tmp/x.so"])]))
      #expect(
        replies.end
          == .end(
            .failedClean,
            text: "the request cannot be read: there is a record 'hook' that is not as it should be"),
        "\(name): \(replies)")
    }
    let place = AgentRequest.Destination(
      lineage: "x", parts: ["cert.pem"], path: host.scene.scratch.path + "/x.pem", mode: "0644", owner: nil,
      group: nil, allowances: [.shared, .symlink])
    let both = try await host.visit(1, destinations: [place])
    let why = "the request cannot be read: there is a record 'install' that is not as it should be"
    #expect(both.end == .end(.failedClean, text: why))
    #expect(host.scene.live == nil)
  }

  @Test func `a look at what is not allowed is told why`() async throws {
    let host = try Installed(Shell.all[0], allowing: ["certificate x"])
    let replies = try await host.replies(
      "certfleet_request='visit look 0 0 0 web1 0 0\nbase :\(host.scene.base)\ncert y 1 f1 :y.example'\n"
        + "certfleet_main n0nce \(AgentScript.version) look end\n")
    #expect(replies.steps.isEmpty)
    #expect(
      replies.end
        == .end(.failedClean, text: "\(host.scene.scratch.path)/agent.conf does not allow 'certificate y'"))
  }

  @Test(arguments: Shell.all)
  func `what is allowed is done, and nothing else`(shell: Shell) async throws {
    let several = Hook(command: "echo one\necho 'two'")
    let host = try Installed(
      shell,
      allowing: [
        "certificate x", "hook pre 60 - stop :true A :b", "need true",
        "hook deploy 60 - stop \(AgentField.encode(several.command))", "need echo",
      ])
    let good = Hooks(pre: [Hook(command: "true", environment: ["A": "b"])], deploy: [several])
    #expect(try await host.visit(1, hooks: good).end == .end(.ok, text: ""))
    #expect(host.scene.live == "1")
    let place = AgentRequest.Destination(
      lineage: "x", parts: ["privkey.pem"], path: host.scene.scratch.path + "/x.pem", mode: "0600",
      owner: nil,
      group: nil, allowances: [])
    func hook(_ moment: String, _ command: String, _ time: String = "60 s", user: String = "-") -> String {
      "does not allow this hook as it is sent (\(moment), \(time), user \(user), with these variables): '\(command)'"
    }
    let refusals: [(String, Hooks, [AgentRequest.Destination])] = [
      (hook("pre", "true; id"), Hooks(pre: [Hook(command: "true; id", environment: ["A": "b"])]), []),
      (hook("pre", "true"), Hooks(pre: [Hook(command: "true")]), []),
      (hook("pre", "true"), Hooks(pre: [Hook(command: "true", environment: ["A": "c"])]), []),
      (hook("pre", "true"), Hooks(pre: [Hook(command: "true", environment: ["A": "b", "B": "b"])]), []),
      (hook("post", "true"), Hooks(post: [Hook(command: "true", environment: ["A": "b"])]), []),
      (
        hook("pre", "true", "61 s"),
        Hooks(pre: [Hook(command: "true", timeout: .seconds(61), environment: ["A": "b"])]), []
      ),
      (
        hook("pre", "true", user: "www-data"),
        Hooks(pre: [Hook(command: "true", user: "www-data", environment: ["A": "b"])]), []
      ),
      ("does not allow 'need id'", Hooks(pre: [Hook(command: "id")]), []),
      ("does not allow 'hooks-directory 60 /tmp'", Hooks(directories: ["/tmp"]), []),
      ("does not allow 'file x \(place.path) privkey.pem 0600 -:- -'", Hooks(), [place]),
    ]
    for (reason, hooks, destinations) in refusals {
      let replies = try await host.visit(2, hooks: hooks, destinations: destinations)
      #expect(replies.steps.contains { $0.contains(reason) }, "\(replies)")
      #expect(replies.end?.isClean == true)
    }
    #expect(host.scene.live == "1" && host.scene.generations == ["1"])
    let other = try await host.visit(2) {
      $0.replacing("cert x ", with: "cert y ").replacing("file x ", with: "file y ")
    }
    #expect(other.steps.first?.contains("does not allow 'certificate y'") == true)
    let base = try await host.visit(2) { $0.replacing("base :\(host.scene.base)", with: "base :/tmp") }
    #expect(base.end?.isClean == true && "\(base)".contains("does not allow 'base /tmp'"))
    let certbot = try await host.visit(2) { $0.replacing("\nbase :", with: "\ncertbot x take\nbase :") }
    #expect(certbot.steps.contains { $0.contains("does not allow 'certbot x'") }, "\(certbot)")
    let discovered = try await host.visit(2) { $0.replacing(#/ visit end\n/#, with: " discover end\n") }
    #expect(
      discovered.count == 1 && "\(discovered)".contains("does not tell what else is on the host"),
      "\(discovered)")
  }

  @Test(arguments: Shell.all)
  func `no request makes a shell run what it brings`(shell: Shell) async throws {
    let host = try Installed(shell, allowing: ["certificate x", "hook pre 60 - stop :true", "need true"])
    let mark = host.scene.scratch.path + "/was-here"
    let place = AgentRequest.Destination(
      lineage: "x", parts: ["privkey.pem"], path: host.scene.scratch.path + "/x.pem", mode: "0600",
      owner: nil,
      group: nil, allowances: [])
    let hooks = Hooks(pre: [Hook(command: "true")])
    let changes: [(String) -> String] = [
      { $0.replacing(#/visit t2 1 1 1 web1 0 \d+/#, with: "visit t2 1 1 1 web1 0 x[$(touch\(mark))]") },
      { $0.replacing("visit t2 1 ", with: "visit t2 a[`touch\(mark)`] ") },
      { $0.replacing("visit t2 1 ", with: "visit t2 08 ") },
      { $0.replacing("cert x 2 ", with: "cert x 2/../../../etc ") },
      { $0.replacing("cert x 2 ", with: "cert ../x 2 ") },
      { $0.replacing(#/cert x 2 (\S+) \S+/#) { "cert x 2 \($0.1) :$(touch%s\(mark))" } },
      { $0.replacing("hook pre - 0 60 ", with: "hook pre - 0 60+a[$(touch\(mark))] ") },
      { $0.replacing("hook pre - 0 60 - ", with: "hook pre - 0 60 root;id ") },
      { $0.replacing("install x privkey.pem ", with: "install x ../../../../../etc/shadow ") },
      { $0.replacing("install x privkey.pem 0600 ", with: "install x privkey.pem 4755 ") },
      { $0.replacing("x.pem", with: "x.pem%nconfirmed") },
    ]
    for (number, change) in changes.enumerated() {
      var isChanged = false
      let replies = try await host.visit(2, hooks: hooks, destinations: [place]) { text in
        let changed = change(text)
        isChanged = changed != text
        return changed
      }
      #expect(isChanged && replies.end?.isClean == true, "\(number): \(replies)")
    }
    #expect(!FileManager.default.fileExists(atPath: mark) && host.scene.live == nil)
    for text in [
      "certfleet_request='visit t 1 1 1 web1 0 0'\ntouch \(mark)\ncertfleet_main n0nce \(AgentScript.version) visit end\n",
      "certfleet_request='x'\ncertfleet_main n0nce;touch\(mark) \(AgentScript.version) visit end\n",
      "touch \(mark)\n", "",
    ] { #expect(try await host.replies(text).isEmpty) }
    #expect(!FileManager.default.fileExists(atPath: mark))
    let older = try await host.visit(2) {
      $0.replacing("n0nce \(AgentScript.version) visit", with: "n0nce 3 visit")
    }
    #expect("\(older)".contains("install it anew"))
  }
}

extension AgentReply {
  fileprivate var isClean: Bool { if case .end(.failedClean, _) = self { true } else { false } }
}
