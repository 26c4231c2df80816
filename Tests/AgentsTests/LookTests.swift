import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// What the agent tells of a host without changing it.
@Suite struct LookTests {
  /// A scene with one generation of a real pair, and the request that looks for it.
  private struct LookScene {
    let agent: AgentScene
    let pem: String
    private let publicKey: [UInt8]
    let combined: String
    let keystore: String

    init(_ shell: Shell) async throws {
      agent = try AgentScene(shell)
      let folder = agent.base + "/archive/x/1"
      try Files.makeFolder(folder)
      try Files.makeFolder(agent.base + "/live")
      try await SelfSigned.make("x.example", in: folder)
      pem = Files.read(folder + "/cert.pem")
      try Files.write(folder + "/fullchain.pem", pem, mode: 0o644)
      try FileManager.default.moveItem(atPath: folder + "/key.pem", toPath: folder + "/privkey.pem")
      try Files.write(folder + "/x.p12", "\u{1}\u{2}binary\n")
      try FileManager.default.createSymbolicLink(
        atPath: agent.base + "/live/x", withDestinationPath: "../archive/x/1")
      let text = try await Program.succeed(
        try Program.find("openssl"), ["x509", "-in", folder + "/cert.pem", "-pubkey", "-noout"])
      publicKey = Array(
        Data(base64Encoded: text.split(separator: "\n").dropFirst().dropLast().joined()) ?? Data())
      let other = try agent.folder("service")
      combined = other + "/x.pem"
      keystore = other + "/x.p12"
      try Files.write(combined, pem + Files.read(folder + "/privkey.pem"), mode: 0o640)
      try Files.write(keystore, "\u{1}\u{2}binary\n", mode: 0o600)
    }

    func replies(path: String? = nil, lineages: [String] = ["x"], knowsKey: Bool = true) async throws
      -> [AgentReply]
    {
      let certificates = lineages.map {
        PlannedCertificate(
          lineage: Lineage.Name($0), generation: Generation(1), fingerprint: "f1", domains: ["x.example"],
          hooks: Hooks(), verify: [])
      }
      let destinations = [
        (["fullchain.pem", "privkey.pem"], combined, "0640"), (["x.p12"], keystore, "0600"),
      ]
      .map {
        AgentRequest.Destination(
          lineage: "x", parts: $0.0, path: $0.1, mode: $0.2, owner: nil, group: nil)
      }
      let look = AgentLook(
        at: Host(name: "web1", address: "a", base: agent.base), certificates: certificates,
        destinations: destinations, publicKeys: knowsKey ? [(Lineage.Name("x"), publicKey)] : [])
      return try await agent.replies(bytes: look.bytes(nonce: "n0nce"), path: path)
    }

    func seen(lineages: [String] = ["x"], knowsKey: Bool = true) async throws -> [String] {
      try await replies(lineages: lineages, knowsKey: knowsKey).compactMap { reply in
        switch reply {
        case .found(.certificate(let lineage, let link, let pem, let key, let ownership)):
          "\(lineage) \(link) \(pem == self.pem ? "ours" : pem.isEmpty ? "none" : "another") \(key.rawValue) \(ownership?.octal ?? "-")"
        case .found(.file(let position, let finding, let ownership)):
          "\(position) \(finding.rawValue) \(ownership?.octal ?? "-")"
        case .end(let end, _): end.rawValue
        default: nil
        }
      }
    }
  }

  @Test(arguments: Shell.all)
  func `link, certificate, key and files are told as they are`(shell: Shell) async throws {
    let scene = try await LookScene(shell)
    let (base, link) = (scene.agent.base, "generation(1)")
    let good = ["1 same 0640", "2 same 0600", "ok"]
    try Files.makeFolder(scene.agent.scratch.path + "/other")
    let key = Files.read(base + "/archive/x/1/privkey.pem")
    do { let seen = try await scene.seen(); #expect(seen == ["x \(link) ours yes 0600"] + good) }
    // By OpenSSL, where the text is not known.
    do {
      let seen = try await scene.seen(knowsKey: false); #expect(seen == ["x \(link) ours yes 0600"] + good)
    }
    #expect(try await scene.seen(lineages: ["x", "y"])[1] == "y nothing none none -")
    // Another key, readable by all, and the file that was made of the former one.
    try await SelfSigned.make("y.example", in: scene.agent.scratch.path + "/other")
    try Files.write(
      base + "/archive/x/1/privkey.pem", Files.read(scene.agent.scratch.path + "/other/key.pem"), mode: 0o644)
    do {
      let seen = try await scene.seen();
      #expect(seen == ["x \(link) ours no 0644", "1 changed 0640", "2 same 0600", "ok"])
    }
    try Files.write(base + "/archive/x/1/privkey.pem", key)
    try Files.write(scene.keystore, "other", mode: 0o644)
    try FileManager.default.removeItem(atPath: scene.combined)
    do {
      let seen = try await scene.seen();
      #expect(seen == ["x \(link) ours yes 0600", "1 missing -", "2 changed 0644", "ok"])
    }
    try Files.write(
      base + "/archive/x/1/cert.pem", Files.read(scene.agent.scratch.path + "/other/cert.pem"))
    #expect(try await scene.seen()[0] == "x \(link) another no 0600")
    try Files.write(base + "/archive/x/1/cert.pem", "root:x:0:0\n")
    #expect(try await scene.seen()[0].hasPrefix("x \(link) none "))
    try FileManager.default.removeItem(atPath: base + "/live/x")
    #expect(try await scene.seen()[0] == "x nothing none none -")
    try FileManager.default.createSymbolicLink(
      atPath: base + "/live/x", withDestinationPath: scene.agent.scratch.path + "/other")
    #expect(try await scene.seen()[0] == "x other another none -")
    try FileManager.default.removeItem(atPath: base)
    #expect(try await scene.seen()[0] == "x nothing none none -")
    #expect(!FileManager.default.fileExists(atPath: base))
  }

  @Test(arguments: Shell.all)
  func `a look starts four programs at the most, however many certificates there are`(shell: Shell)
    async throws
  {
    let scene = try await LookScene(shell)
    let tools = try scene.agent.folder("tools")
    for name in ["head", "ls", "sha256sum", "base64", "cat", "date", "id", "readlink", "openssl"] {
      try await Files.writeProgram(
        tools + "/" + name,
        "#!/bin/sh\necho \(name) >>\(scene.agent.scratch.path)/started\nPATH=/usr/bin:/bin exec \(name) \"$@\"\n"
      )
    }
    let names = ["x"] + (1...30).map { "n\($0)" }
    for name in names.dropFirst() {
      try Files.makeFolder("\(scene.agent.base)/archive/\(name)")
      try FileManager.default.copyItem(
        atPath: scene.agent.base + "/archive/x/1", toPath: "\(scene.agent.base)/archive/\(name)/1")
      try FileManager.default.createSymbolicLink(
        atPath: "\(scene.agent.base)/live/\(name)", withDestinationPath: "../archive/\(name)/1")
    }
    let replies = try await scene.replies(path: tools + ":/usr/bin:/bin", lineages: ["x"])
    #expect(replies.end == .end(.ok, text: ""))
    let started = Files.read(scene.agent.scratch.path + "/started").split(separator: "\n").map(String.init)
    #expect(started.sorted() == ["head", "ls", "sha256sum"], "\(started)")
    #expect(
      try await scene.replies(lineages: names).filter {
        if case .found(.certificate) = $0 { true } else { false }
      }.count == 31)
  }
}

/// What was changed on a host behind our back is mended where the request allows it, and gone back to where that fails.
@Suite struct MendTests {
  private func request(_ scene: AgentScene, mends: Bool, deploy: String = "true", token: VisitToken)
    -> AgentRequest
  {
    scene.request(
      generation: 1, hooks: Hooks(deploy: [Hook(command: deploy)]), token: token, replacesOthers: mends)
  }

  @Test(arguments: Shell.all)
  func `files of the active generation that were changed are replaced together`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    let key = scene.base + "/archive/x/1/privkey.pem"
    try Files.write(key, "somebody's key\n")
    let refused = try await scene.replies(request(scene, mends: false, token: "a"))
    guard case .end(.failedClean, _) = refused.end else {
      Issue.record("\(refused)")
      return
    }
    // The hook fails, and the host is left as it was found.
    let failed = try await scene.replies(request(scene, mends: true, deploy: "exit 1", token: "b"))
    guard case .end(.failedDirty, _) = failed.end else {
      Issue.record("\(failed)")
      return
    }
    #expect(Files.read(scene.base + "/live/x/privkey.pem") == "somebody's key\n")
    let mended = try await scene.replies(request(scene, mends: true, token: "c"))
    #expect(mended.end == .end(.ok, text: ""))
    #expect(scene.live == "1" && Files.read(key) == "privkey.pem 1\n")
  }

  @Test(arguments: Shell.all)
  func `a link of somebody else's is replaced, and a folder is left to a person`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    let (other, live) = (try scene.folder("other"), scene.base + "/live/x")
    try Files.write(other + "/privkey.pem", "other\n")
    try FileManager.default.removeItem(atPath: live)
    try FileManager.default.createSymbolicLink(atPath: live, withDestinationPath: "../../other")
    let failed = try await scene.replies(request(scene, mends: true, deploy: "exit 1", token: "a"))
    guard case .end(.failedDirty, _) = failed.end else {
      Issue.record("\(failed)")
      return
    }
    #expect(Files.read(live + "/privkey.pem") == "other\n")
    #expect(try await scene.replies(request(scene, mends: true, token: "b")).end == .end(.ok, text: ""))
    #expect(
      Files.read(live + "/privkey.pem") == "privkey.pem 1\n"
        && Files.read(other + "/privkey.pem") == "other\n")
    try FileManager.default.removeItem(atPath: live)
    try Files.write(live + "/privkey.pem", "folder\n")
    let folder = try await scene.replies(request(scene, mends: true, token: "c"))
    guard case .end(.failedClean, let why) = folder.end else {
      Issue.record("\(folder)")
      return
    }
    #expect(
      why.contains("is not a link that certfleet made") && Files.read(live + "/privkey.pem") == "folder\n")
  }
}
