import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

@Suite struct RequestTests {
  private let visit = PlannedVisit(
    host: Host(name: "web1", address: "a", base: "/b"),
    certificates: [
      PlannedCertificate(
        lineage: "x", generation: Generation(4), fingerprint: "f1", domains: ["x.example", "y.example"],
        hooks: Hooks(pre: [Hook(command: "p")], deploy: [Hook(command: "d'\n")], post: [Hook(command: "q")]),
        verify: []),
      PlannedCertificate(
        lineage: "z", generation: Generation(1), fingerprint: "f2", domains: ["z.example"],
        hooks: Hooks(
          pre: [Hook(command: "p")], deploy: [Hook(command: "d'\n", timeout: .milliseconds(1500))], post: []),
        verify: []),
    ])

  private func request() -> AgentRequest {
    AgentRequest(
      nonce: "n", token: "t", epoch: 7, rollout: Rollout.ID(12), wave: 2, visit: visit,
      materials: .init(files: [
        .init(lineage: "x", name: "privkey.pem", mode: "0600", content: Array("key".utf8))
      ]),
      confirmTimeout: .seconds(30))
  }

  @Test func `what is sent is the script without comments and indentation, and says the same`() async throws {
    let scratch = try ScratchFolder()
    func functions(_ script: String) async throws -> String {
      let file = try scratch.write("script", script)
      return try await Program.succeed(try Program.find("bash"), ["-c", ". '\(file)'; declare -f"])
    }
    let wire = AgentScript.wire(AgentScript.text)
    #expect(try await functions(wire) == functions(AgentScript.text))
    #expect(wire.utf8.count < AgentScript.text.utf8.count * 3 / 4)
    // Nor is anything lost that stands in quotes over several lines and is no function.
    for name in ["inside", "drainer", "take_environment", "first_line", "newline", "tab"] {
      let file = try scratch.write("values", wire)
      let value = try await Program.succeed(
        try Program.find("bash"), ["-c", ". '\(file)'; printf %s \"$\(name)\""])
      #expect(!value.isEmpty, "\(name)")
    }
  }

  @Test func `a word of a shell's is one word, whatever is in it`() async throws {
    for text in ["a b", "'", "''; id #", "$(id) `id` \\ \"", "a\nb", ""] {
      let said = try await Program.succeed("/bin/sh", ["-c", "printf %s \(AgentScript.quoted(text))"])
      #expect(said == text)
    }
  }

  @Test func `a request is these records`() {
    #expect(
      request().records(now: Date(timeIntervalSince1970: 99)) == [
        "visit t 7 12 2 web1 30 99", "base :/b", "cert x 4 f1 :x.example%sy.example",
        "cert z 1 f2 :z.example",
        "file x privkey.pem 0600 :key", "hook pre - 0 60 - stop :p", "hook deploy x 1 60 - stop :d%q%n",
        "hook deploy z 2 2 - stop :d%q%n", "hook post - 3 60 - stop :q",
        "need :p :install%sit%sor%scorrect%sthe%spre%shook:%sp",
        "need :q :install%sit%sor%scorrect%sthe%spost%shook:%sq",
      ])
  }

  @Test func `script, request and start follow each other, and the start is last`() {
    let text = String(decoding: request().bytes(now: Date()), as: UTF8.self)
    #expect(text.hasPrefix("set -u\n"))
    #expect(text.hasSuffix("%sthe%spost%shook:%sq'\ncertfleet_main n \(AgentScript.version) visit end\n"))
  }

  @Test func `a word is one line`() {
    #expect(String(decoding: AgentRequest.Word.commit.bytes(nonce: "n"), as: UTF8.self) == "n commit\n")
    let revert = AgentRequest.Word.revert(because: "a\nn commit").bytes(nonce: "n")
    #expect(String(decoding: revert, as: UTF8.self) == "n revert a\\nn commit\n")
  }
}

@Suite struct ReplyParserTests {
  private let stream = Array(
    """
    Welcome!\n@certfleet other 0 end ok
    @certfleet n 0 hello 1 99
    noise @certfleet n 0 begin deploy x 3 7
    @certfleet n 5 output stdout 5
    a\nb\u{1B}\n
    @certfleet n 0 step deploy x 3 exit 4 /hooks/a
    @certfleet n 0 step stage x - error 1 no space left
    @certfleet n 0 await 30
    @certfleet n 0 end rolled_back because of this

    """.utf8)

  private let expected: [AgentReply] = [
    .hello(version: 1, clock: 99), .begin(.deploy, "x", hook: 3),
    .output(.stdout, CapturedOutput(text: "a\nb\\u{1B}\n", totalBytes: 5)),
    .step(.deploy, "x", hook: 3, .exited(4), "/hooks/a"),
    .step(.stage, "x", hook: nil, .failed("no space left"), ""), .await(seconds: 30),
    .end(.rolledBack, text: "because of this"),
  ]

  @Test(arguments: 1...40)
  func `frames are found in pieces of any size, and all else is skipped`(size: Int) throws {
    var parser = ReplyParser(nonce: "n")
    var replies: [AgentReply] = []
    for start in stride(from: 0, to: stream.count, by: size) {
      replies += try parser.consume(stream[start..<min(start + size, stream.count)])
    }
    #expect(replies == expected)
  }

  @Test(arguments: [
    "@certfleet n x end ok\n", "@certfleet n -1 end ok\n", "@certfleet n 999999999 end ok\n",
    "@certfleet n 0 nonsense\n",
    "@certfleet n 0 end fine\n", "@certfleet n 0 step deploy\n",
    "@certfleet n 0 step deploy \u{1B}[2J - ok 0\n", "@certfleet n 0\n",
    "@certfleet n " + String(repeating: "x", count: 9000),
  ])
  func `a frame of another protocol is an error and not a success`(text: String) {
    var parser = ReplyParser(nonce: "n")
    #expect(throws: ReplyParser.Malformed.self) { try parser.consume(Array(text.utf8)) }
  }

  @Test func `a cut stream shows what was left out`() throws {
    var parser = ReplyParser(nonce: "n")
    let bytes = [UInt8](repeating: 65, count: 65536)
    let replies = try parser.consume(Array("@certfleet n 65536 output stderr 100000\n".utf8) + bytes)
    guard case .output(.stderr, let output) = try #require(replies.first) else { return }
    #expect(output.totalBytes == 100000)
    #expect(output.text.contains("\n… 34464 bytes left out …\n"))
  }
}
