import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// The agent killed wherever a visit leaves something else on the disk.
@Suite struct KilledAgentTests {
  enum Direction: String, CaseIterable, CustomTestStringConvertible {
    case good, goingBack = "going back"
    var testDescription: String { rawValue }
  }

  @Test(arguments: Direction.allCases)
  func `killed wherever the disk has changed, a host has one pair, and the next visit converges`(
    direction: Direction
  )
    async throws
  {
    let template = try KilledScene(KillPoints.tracer, direction)
    #expect(try await template.visit(1, by: "").replies.end == .end(.ok, text: ""))
    let points = try await KillPoints {
      let traced = try template.copy()
      return (traced.scratch.path, { _ = try await traced.killedVisit($0) })
    }
    try #require(points.all.count > 40)
    try await points.forEach { try await template.copy().checkKilled(at: $0) }
  }
}

/// A host with a certificate in certbot's layout, in HAProxy's, and as a pair in one folder.
private struct KilledScene: Sendable {
  let scratch: ScratchFolder
  let shell: Shell
  let direction: KilledAgentTests.Direction
  var base: String { scratch.path + "/base" }
  private var files: String { scratch.path + "/files" }

  init(_ shell: Shell, _ direction: KilledAgentTests.Direction) throws {
    (self.shell, self.direction) = (shell, direction)
    scratch = try ScratchFolder()
    try Files.makeFolder(scratch.path + "/files")
    chmod(scratch.path + "/files", 0o755)
  }

  /// The same host once more, elsewhere.
  func copy() throws -> KilledScene {
    let copy = try KilledScene(shell, direction)
    for name in ["base", "files"] {
      try? FileManager.default.removeItem(atPath: copy.scratch.path + "/" + name)
      try FileManager.default.copyItem(
        atPath: scratch.path + "/" + name, toPath: copy.scratch.path + "/" + name)
    }
    return copy
  }

  private func request(_ generation: Int, token: String) -> AgentRequest {
    func note(_ word: String) -> String { "echo \(word) >>\(scratch.path)/hooks" }
    let hooks = Hooks(
      pre: [Hook(command: note("pre"))],
      deploy: [
        Hook(
          command: note("deploy") + "; [ ! -e \(scratch.path)/broken ] || [ $CERTFLEET_ACTION = rollback ]")
      ],
      post: [Hook(command: note("post"))])
    let certificate = PlannedCertificate(
      lineage: "x", generation: Generation(generation), fingerprint: "f", domains: ["x.example"],
      hooks: hooks,
      verify: [Verification(.command(note("verify"), timeout: .seconds(60)), from: .host)])
    let contents = ["cert.pem", "fullchain.pem", "privkey.pem"].map { name in
      AgentRequest.File(
        lineage: "x", name: name, mode: name == "privkey.pem" ? "0600" : "0644",
        content: Array("\(name) \(generation)\n".utf8))
    }
    func place(_ parts: [String], _ name: String) -> AgentRequest.Destination {
      .init(
        lineage: "x", parts: parts, path: files + "/" + name, mode: "0640", owner: nil, group: nil,
        allowances: [])
    }
    return AgentRequest(
      nonce: "n0nce", token: VisitToken(token), epoch: 1, rollout: Rollout.ID(1), wave: 1,
      visit: PlannedVisit(host: Host(name: "web1", address: "a", base: base), certificates: [certificate]),
      materials: .init(
        files: contents,
        destinations: [
          place(["fullchain.pem", "privkey.pem"], "both.pem"), place(["fullchain.pem"], "tls.crt"),
          place(["privkey.pem"], "tls.key"),
        ]), confirmTimeout: .zero)
  }

  /// - Parameter prelude: bash's, before the line that starts the agent.
  func visit(_ generation: Int, by prelude: String, shell: Shell? = nil) async throws -> (
    status: Int32, replies: [AgentReply]
  ) {
    let text = String(
      decoding: request(generation, token: UUID().uuidString).bytes(now: Date()), as: UTF8.self
    )
    .replacing("\ncertfleet_main ", with: "\n\(prelude)certfleet_main ")
    let result = try await (shell ?? self.shell).run(Array(text.utf8), home: scratch.path)
    var parser = ReplyParser(nonce: "n0nce")
    return (result.status, try parser.consume(Array(result.stdout.utf8)))
  }

  /// - Returns: the agent's exit status.
  func killedVisit(_ prelude: String) async throws -> Int32 {
    if direction == .goingBack { try Files.write(scratch.path + "/broken", "") }
    let status = try await visit(2, by: prelude).status
    try? FileManager.default.removeItem(atPath: scratch.path + "/broken")
    return status
  }

  /// - Returns: whether that line was reached so often.
  func checkKilled(at point: KillPoints.Point) async throws -> Bool {
    let status = try await killedVisit(point.prelude)
    if status == 0 { return false }
    try #require(status == 128 + SIGKILL, "\(point)")
    // What the agent had just started, a rename perhaps, ends by itself.
    try await eventually("one pair, killed at \(point): \(state)") { isWhole }
    let next = try await visit(2, by: "", shell: Shell.all[0]).replies
    #expect(next.end == .end(.ok, text: ""), "killed at \(point): \(next.steps)")
    #expect(generation == "2" && isWhole, "killed at \(point): \(state)")
    let left = try FileManager.default.contentsOfDirectory(atPath: files).sorted()
    #expect(left == ["both.pem", "tls.crt", "tls.key"], "killed at \(point)")
    let generations = try FileManager.default.contentsOfDirectory(atPath: base + "/archive/x").sorted()
    #expect(generations == ["1", "2"], "killed at \(point)")
    let hooks = Files.read(scratch.path + "/hooks").split(separator: "\n")
    #expect(hooks.last == "post", "killed at \(point): \(hooks)")
    #expect(hooks.count { $0 == "post" } >= hooks.count { $0 == "pre" }, "killed at \(point): \(hooks)")
    return true
  }

  private var generation: String? {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: base + "/live/x"))
      .map { String($0.split(separator: "/").last ?? "") }
  }

  private var state: String {
    "\(generation ?? "nothing") \(Files.read(files + "/both.pem")) \(Files.read(files + "/tls.crt")) \(Files.read(files + "/tls.key"))"
  }

  /// Every pair is of one generation.
  private var isWhole: Bool {
    func isOf(_ generation: String, _ name: String, _ part: String) -> Bool {
      Files.read(name) == "\(part) \(generation)\n"
    }
    guard let generation, isOf(generation, base + "/live/x/fullchain.pem", "fullchain.pem"),
      isOf(generation, base + "/live/x/privkey.pem", "privkey.pem")
    else { return false }
    return ["1", "2"].contains {
      isOf($0, files + "/tls.crt", "fullchain.pem") && isOf($0, files + "/tls.key", "privkey.pem")
    }
      && ["1", "2"].contains {
        Files.read(files + "/both.pem") == "fullchain.pem \($0)\nprivkey.pem \($0)\n"
      }
  }
}
