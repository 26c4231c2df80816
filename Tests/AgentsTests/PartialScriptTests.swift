import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

/// A visit comes with those parts of the script that it needs itself.
@Suite struct PartialScriptTests {
  private func start(_ scene: AgentScene, stdin: String, stdout: String) throws -> Running {
    try Running(
      try Program.find(scene.shell.words[0]), scene.shell.words.dropFirst() + ["-s"],
      environment: ["HOME": scene.scratch.path], stdin: stdin, stdout: stdout, stderr: stdout)
  }

  /// Sends a visit and, where the agent asks for it, the rest of the script.
  private func replies(_ scene: AgentScene, _ request: AgentRequest) async throws -> [AgentReply] {
    let (pipe, out) = (scene.scratch.path + "/pipe", scene.scratch.path + "/answers")
    try Files.write(out, "")
    mkfifo(pipe, 0o600)
    defer { unlink(pipe) }
    // Both ends at once, so that neither waits for the other.
    let descriptor = open(pipe, O_RDWR)
    let running = try start(scene, stdin: pipe, stdout: out)
    let input = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    let sending = Task.detached { [parts = request.parts(now: Date())] in
      for part in parts { try input.write(contentsOf: Data(part)) }
    }
    try await sending.value
    var hasHadMore = false
    try await eventually("the visit ends: \(Files.read(out))") {
      if !hasHadMore, Files.read(out).contains("@certfleet n0nce 0 more\n") {
        hasHadMore = true
        try? input.write(contentsOf: Data(AgentRequest.rest(nonce: "n0nce")))
      }
      return Files.read(out).contains("@certfleet n0nce 0 end ")
    }
    _ = await running.ended()
    var parser = ReplyParser(nonce: "n0nce")
    return try parser.consume(Array(Files.read(out).utf8))
  }

  @Test(arguments: Shell.all)
  func `what an earlier visit needs to be undone is asked for`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let place = AgentRequest.Destination(
      lineage: "x", parts: ["fullchain.pem"], path: try scene.folder("server") + "/x.pem", mode: "0644",
      owner: nil, group: nil)
    let first = try await replies(scene, scene.request(generation: 1, destinations: [place]))
    #expect(first.end == .end(.ok, text: "") && !first.contains(.more))
    let before = Files.read(place.path)
    #expect(before.contains("1\n"))
    // Killed once the files are in their places.
    let holds = Hook(
      command: ": >~/holding; until [ -e ~/let-go ]; do sleep 1; done", timeout: .seconds(120))
    let killed = try scene.start(
      scene.request(generation: 2, hooks: Hooks(deploy: [holds]), destinations: [place]))
    try await eventually("the hook runs") {
      FileManager.default.fileExists(atPath: scene.scratch.path + "/holding")
    }
    killed.signal(SIGKILL)
    _ = await killed.ended()
    try Files.write(scene.scratch.path + "/let-go", "")
    #expect(Files.read(place.path) != before)
    // This one has no files of its own.
    let next = try await replies(scene, scene.request(generation: 3))
    #expect(next.contains(.more))
    #expect(
      next.contains {
        if case .step(.recover, nil, _, .succeeded, let text) = $0 {
          text.hasPrefix("rolled_back")
        } else {
          false
        }
      } && next.end == .end(.ok, text: ""), "\(next)")
    #expect(Files.read(place.path) == before && scene.live == "3")
  }

  @Test(arguments: Shell.all)
  func `nothing is asked for by a visit that needs no more`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let hook = Hook(command: "true")
    for generation in 1...2 {
      let said = try await replies(
        scene, scene.request(generation: generation, hooks: Hooks(pre: [hook], deploy: [hook], post: [hook])))
      #expect(said.end == .end(.ok, text: "") && !said.contains(.more), "\(said)")
    }
  }

  /// What the issue of a leaf with one intermediate comes to; the rest is the script's.
  @Test func `a visit with one certificate and three hooks sends at most 50 KB`() async throws {
    let scene = try AgentScene(Shell.all[0])
    let hook = Hook(command: "true # nginx -t && nginx -s reload")
    let request = scene.request(
      generation: 1, hooks: Hooks(pre: [hook], deploy: [hook], post: [hook]))
    let script = request.parts(now: Date())[0].count
    // certbot's files of a certificate of Let's Encrypt: 1.3 KB, 1.6 KB and a key; the fullchain is both and not sent.
    let files = 1_300 + 1_600 + 250
    #expect(script + files + 1_500 <= 50_000, "\(script) bytes of script")
    let leaf = Array("leaf\n".utf8), chain = Array("chain\n".utf8)
    let materials = AgentRequest.Materials(files: [
      .init(lineage: "x", name: "cert.pem", mode: "0644", content: leaf),
      .init(lineage: "x", name: "chain.pem", mode: "0644", content: chain),
      .init(lineage: "x", name: "fullchain.pem", mode: "0644", content: leaf + chain),
      .init(lineage: "x", name: "privkey.pem", mode: "0600", content: Array("key\n".utf8)),
    ])
    let sent = AgentRequest(
      nonce: "n0nce", token: "t", epoch: 1, rollout: Rollout.ID(1), wave: 1, visit: request.visit,
      materials: materials, confirmTimeout: .zero)
    #expect(sent.records(now: Date()).contains("file x fullchain.pem 0644 +"))
    let replies = try await scene.replies(sent)
    #expect(replies.end == .end(.ok, text: ""), "\(replies)")
    #expect(Files.read(scene.base + "/live/x/fullchain.pem") == "leaf\nchain\n")
  }
}
