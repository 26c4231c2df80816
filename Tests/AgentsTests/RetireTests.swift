import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// A certificate that is taken away from a host: all of it, or nothing.
@Suite struct RetireTests {
  @Test(arguments: Shell.all)
  func `link, files and keys go, and what somebody else put there stays`(shell: Shell) async throws {
    let scene = try RetireScene(shell)
    try await scene.bring()
    // Its name is how that of one of ours begins, which is noted in the journal.
    try Files.write(scene.files + "/tls.crt", "somebody's\n")
    let said = try await scene.retire("a")
    #expect(said.end == .end(.ok, text: ""), "\(said.steps)")
    let told = said.compactMap { if case .step(.stage, _, _, _, let text) = $0 { text } else { nil } }
    #expect(told == ["not taken away, as they are not what certfleet put there: \(scene.files)/tls.crt"])
    #expect(scene.left == ["tls.crt"] && !scene.isThere)
    #expect(Files.read(scene.scratch.path + "/hooks") == "pre retire x there\n")
    // Once more there is nothing, and that is well.
    #expect(try await scene.retire("b").end == .end(.ok, text: ""))
    #expect(scene.left == ["tls.crt"])
    // What comes again comes as to a new host.
    try await scene.bring()
    #expect(scene.isThere && scene.left == ["both.pem", "tls.crt", "tls.crt.chain", "tls.key"])
  }

  @Test(arguments: Shell.all)
  func `where a hook fails or the service still needs it, all of it comes back`(shell: Shell) async throws {
    let scene = try RetireScene(shell)
    try await scene.bring()
    let before = scene.state
    let failed = try await scene.retire("a", pre: "exit 3")
    #expect(failed.end == .end(.failedClean, text: "a pre hook failed"), "\(failed.steps)")
    #expect(scene.state == before)
    // As `nginx -t` does where the configuration names the file.
    let needed = try await scene.retire("b", deploy: "[ -e \(scene.base)/live/x/fullchain.pem ]")
    #expect(needed.end == .end(.rolledBack, text: "deploy hook of x failed"), "\(needed.steps)")
    #expect(scene.state == before)
    let file = try await scene.retire("c", deploy: "[ -e \(scene.files)/both.pem ]")
    #expect(file.end == .end(.rolledBack, text: "deploy hook of x failed"), "\(file.steps)")
    #expect(scene.state == before)
    // Nobody gives the word.
    let silent = try await scene.retire("d", confirm: .seconds(1))
    #expect(silent.end == .end(.rolledBack, text: "no word from the controller"), "\(silent.steps)")
    #expect(scene.state == before && scene.left == ["both.pem", "tls.crt", "tls.crt.chain", "tls.key"])
    try FileManager.default.removeItem(atPath: scene.base + "/live/x")
    try Files.write(scene.base + "/live/x/privkey.pem", "somebody's\n")
    let folder = try await scene.retire("e")
    guard case .end(.failedClean, let why) = folder.end, why.contains("is not a link that certfleet made")
    else {
      Issue.record("\(folder)")
      return
    }
  }

  @Test(arguments: Shell.all)
  func `a file in somebody's own folder is taken away as that user`(shell: Shell) async throws {
    guard getuid() == 0 else { return }
    let scene = try RetireScene(shell, allowances: [.shared])
    chown(scene.files, 65534, 65534)
    chmod(scene.scratch.path, 0o755)
    try await scene.bring()
    let before = scene.state
    let failed = try await scene.retire("a", deploy: "[ -e \(scene.files)/tls.key ]")
    #expect(failed.end == .end(.rolledBack, text: "deploy hook of x failed"), "\(failed.steps)")
    #expect(scene.state == before && scene.left == ["both.pem", "tls.crt", "tls.crt.chain", "tls.key"])
    try Files.write(scene.files + "/tls.crt", "the user's\n")
    let said = try await scene.retire("b")
    #expect(said.end == .end(.ok, text: ""), "\(said.steps)")
    #expect(scene.left == ["tls.crt"] && !scene.isThere)
  }

  @Test
  func `killed wherever the disk has changed, a host has all of it or none, and the next one ends right`()
    async throws
  {
    let template = try RetireScene(KillPoints.tracer)
    try await template.bring()
    let points = try await KillPoints {
      let traced = try template.copy()
      return (traced.scratch.path, { _ = try await traced.killed($0) })
    }
    try #require(points.all.count > 20)
    try await points.forEach { try await template.copy().checkKilled(at: $0) }
  }
}

/// A host with a certificate in certbot's layout and in three further files.
private struct RetireScene: Sendable {
  let scratch: ScratchFolder
  let shell: Shell
  let allowances: [FileInstallation.Allowance]
  var base: String { scratch.path + "/base" }
  var files: String { scratch.path + "/files" }

  init(_ shell: Shell, allowances: [FileInstallation.Allowance] = []) throws {
    (self.shell, self.allowances) = (shell, allowances)
    scratch = try ScratchFolder()
    for folder in [base, files] {
      try Files.makeFolder(folder)
      chmod(folder, 0o755)
    }
  }

  func copy() throws -> RetireScene {
    let copy = try RetireScene(shell, allowances: allowances)
    for name in ["base", "files"] {
      try FileManager.default.removeItem(atPath: copy.scratch.path + "/" + name)
      try FileManager.default.copyItem(
        atPath: scratch.path + "/" + name, toPath: copy.scratch.path + "/" + name)
    }
    return copy
  }

  private func request(
    _ certificate: PlannedCertificate, token: String, files: [AgentRequest.File] = [],
    confirm: Duration = .zero
  ) -> AgentRequest {
    func place(_ parts: [String], _ name: String) -> AgentRequest.Destination {
      .init(
        lineage: "x", parts: parts, path: self.files + "/" + name, mode: "0640", owner: nil, group: nil,
        allowances: allowances)
    }
    return AgentRequest(
      nonce: "n0nce", token: VisitToken(token), epoch: 1, rollout: Rollout.ID(1), wave: 1,
      visit: PlannedVisit(host: Host(name: "web1", address: "a", base: base), certificates: [certificate]),
      materials: .init(
        files: files,
        destinations: [
          place(["fullchain.pem", "privkey.pem"], "both.pem"), place(["fullchain.pem"], "tls.crt"),
          place(["fullchain.pem"], "tls.crt.chain"), place(["privkey.pem"], "tls.key"),
        ]), confirmTimeout: confirm)
  }

  private func certificate(pre: String, deploy: String) -> PlannedCertificate {
    PlannedCertificate(
      lineage: "x", generation: Generation(1), fingerprint: "f", domains: ["x.example"],
      hooks: Hooks(pre: [Hook(command: pre)], deploy: [Hook(command: deploy)]), verify: [])
  }

  func bring() async throws {
    let contents = ["cert.pem", "fullchain.pem", "privkey.pem"].map { name in
      AgentRequest.File(
        lineage: "x", name: name, mode: name == "privkey.pem" ? "0600" : "0644",
        content: Array("\(name) 1\n".utf8))
    }
    let replies = try await said(
      request(certificate(pre: "true", deploy: "true"), token: UUID().uuidString, files: contents))
    #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
  }

  private func retirement(_ token: String, _ pre: String?, _ deploy: String, _ confirm: Duration)
    -> AgentRequest
  {
    var certificate = certificate(
      pre: pre
        ?? "[ -e \(base)/live/x/cert.pem ] && echo pre $CERTFLEET_ACTION $CERTFLEET_RETIRED there >>\(scratch.path)/hooks; true",
      deploy: deploy)
    certificate.cause = .retired
    return request(certificate, token: token, confirm: confirm)
  }

  func retire(
    _ token: String, pre: String? = nil, deploy: String = "true", confirm: Duration = .zero,
    by shell: Shell? = nil
  ) async throws -> [AgentReply] {
    try await said(retirement(token, pre, deploy, confirm), by: shell)
  }

  private func said(_ request: AgentRequest, by shell: Shell? = nil) async throws -> [AgentReply] {
    let result = try await (shell ?? self.shell).run(request.bytes(now: Date()), home: scratch.path)
    var parser = ReplyParser(nonce: "n0nce")
    return try parser.consume(Array(result.stdout.utf8))
  }

  func killed(_ prelude: String) async throws -> Int32 {
    let text = String(
      decoding: retirement("killed", nil, "true", .zero).bytes(now: Date()), as: UTF8.self
    )
    .replacing("\ncertfleet_main ", with: "\n\(prelude)certfleet_main ")
    return try await shell.run(Array(text.utf8), home: scratch.path).status
  }

  /// - Returns: whether that line was reached so often.
  func checkKilled(at place: KillPoints.Point) async throws -> Bool {
    let point: Comment = "\(place)"
    let status = try await killed(place.prelude)
    if status == 0 { return false }
    try #require(status == 128 + SIGKILL, point)
    let next = try await retire("next", by: Shell.all[0])
    #expect(next.end == .end(.ok, text: ""), "\(point): \(next.steps)")
    #expect(!isThere && left.isEmpty, point)
    return true
  }

  var isThere: Bool {
    ["/live/x", "/archive/x", "/.certfleet/keys/x"].contains { name in
      (try? FileManager.default.attributesOfItem(atPath: base + name)) != nil
    }
  }

  var left: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: files)) ?? []).sorted() }

  var state: String {
    let names = [base + "/live/x/privkey.pem", files + "/both.pem", files + "/tls.crt", files + "/tls.key"]
    return names.map(Files.read).joined(separator: "|")
  }
}
