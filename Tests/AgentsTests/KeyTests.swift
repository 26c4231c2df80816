import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// The key of certbot's layout: that it belongs to its certificate, and whose it is.
@Suite struct KeyTests {
  private struct Pair {
    let certificate: String
    let key: String
    /// A SubjectPublicKeyInfo.
    let publicKey: [UInt8]

    init(
      in scene: AgentScene, _ name: String, _ kind: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    )
      async throws
    {
      let (key, certificate) = ("\(scene.scratch.path)/\(name).key", "\(scene.scratch.path)/\(name).crt")
      try await Program.succeed(
        try Program.find("openssl"),
        [
          "req", "-x509", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=\(name)", "-days", "9",
          "-newkey",
        ] + kind)
      let der = "\(scene.scratch.path)/\(name).der"
      try await Program.succeed(
        try Program.find("openssl"), ["pkey", "-in", key, "-pubout", "-outform", "DER", "-out", der])
      publicKey = [UInt8](try Data(contentsOf: URL(filePath: der)))
      self.certificate = Files.read(certificate)
      self.key = Files.read(key)
    }
  }

  private func request(
    _ scene: AgentScene, _ generation: Int, _ certificate: String, _ key: String, layout: KeyLayout? = nil,
    publicKey: [UInt8]? = nil
  ) -> AgentRequest {
    var visit = scene.request(generation: generation).visit
    visit.certificates[0].layout = layout
    let files = [
      ("cert.pem", certificate), ("chain.pem", ""), ("fullchain.pem", certificate), ("privkey.pem", key),
    ]
    .map { name, text in
      AgentRequest.File(
        lineage: "x", name: name, mode: name == "privkey.pem" ? "0600" : "0644", content: Array(text.utf8))
    }
    return AgentRequest(
      nonce: "n0nce", token: VisitToken("t\(UInt32.random(in: 0...UInt32.max))"), epoch: 1,
      rollout: Rollout.ID(1), wave: 1, visit: visit,
      materials: .init(
        files: files, publicKeys: publicKey.map { [(lineage: Lineage.Name("x"), key: $0)] } ?? []),
      confirmTimeout: .zero)
  }

  @Test(arguments: Shell.all)
  func `a key that belongs to another certificate is never made active`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let (one, two) = (try await Pair(in: scene, "one"), try await Pair(in: scene, "two"))
    #expect(try await scene.replies(request(scene, 1, one.certificate, one.key)).end == .end(.ok, text: ""))
    let mixed = try await scene.replies(request(scene, 2, two.certificate, one.key))
    #expect(
      mixed.end
        == .end(.failedClean, text: "the key does not belong to the certificate; nothing was changed"),
      "\(mixed)")
    #expect(scene.live == "1" && scene.generations == ["1"])
    #expect(try await scene.replies(request(scene, 2, two.certificate, two.key)).end == .end(.ok, text: ""))
  }

  /// A program in the place of `openssl` notes that it was asked.
  @Test(arguments: Shell.all)
  func `that a key fits is seen by its text, whatever stands before it in the certificate`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let asked = scene.scratch.path + "/asked"
    try await Files.writeProgram(
      scene.scratch.path + "/bin/openssl", "#!/bin/sh\necho asked >>'\(asked)'\nexit 0\n")
    let kinds = [
      ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
      ["rsa:2048"],
    ]
    var generation = 0
    for name in ["a", "ab", "abc"] {
      for kind in kinds {
        generation += 1
        let pair = try await Pair(in: scene, name, kind)
        let request = request(scene, generation, pair.certificate, pair.key, publicKey: pair.publicKey)
        let replies = try await scene.replies(
          bytes: request.bytes(now: Date()), path: scene.scratch.path + "/bin:/usr/bin:/bin")
        #expect(replies.end == .end(.ok, text: ""), "\(name) \(kind): \(replies)")
        #expect(!FileManager.default.fileExists(atPath: asked), "\(name) \(kind)")
      }
    }
  }

  @Test(arguments: Shell.all)
  func `a key whose text is another's is asked about, and refused`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let (one, two) = (try await Pair(in: scene, "one"), try await Pair(in: scene, "two"))
    for publicKey in [one.publicKey, two.publicKey] {
      let mixed = try await scene.replies(
        request(scene, 1, two.certificate, one.key, publicKey: publicKey))
      #expect(
        mixed.end
          == .end(.failedClean, text: "the key does not belong to the certificate; nothing was changed"),
        "\(mixed)")
    }
    #expect(scene.generations.isEmpty)
  }

  private func facts(_ scene: AgentScene, _ generation: Int) -> String {
    var facts = stat()
    guard lstat("\(scene.base)/archive/x/\(generation)/privkey.pem", &facts) == 0 else { return "none" }
    return "\(String(facts.st_mode & 0o7777, radix: 8)) \(facts.st_uid):\(facts.st_gid)"
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give files away"), arguments: Shell.all)
  func `owner, group and mode of the key are as declared, in every generation`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let pair = try await Pair(in: scene, "one")
    let layout = KeyLayout(owner: nil, group: "www-data", mode: "0640")
    for generation in 1...2 {
      let replies = try await scene.replies(
        request(scene, generation, pair.certificate, pair.key, layout: layout))
      #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
      #expect(facts(scene, generation) == "640 0:33")
    }
    let nobody = try await scene.replies(
      request(scene, 3, pair.certificate, pair.key, layout: KeyLayout(group: "no-such-group", mode: "0640")))
    #expect("\(nobody)".contains("there is no group 'no-such-group' on the host"), "\(nobody)")
    #expect(scene.live == "2")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give files away"), arguments: Shell.all)
  func `what a person gave to the key by hand is taken over and told, and never to everybody`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let pair = try await Pair(in: scene, "one")
    func visit(_ generation: Int) async throws -> String {
      let replies = try await scene.replies(request(scene, generation, pair.certificate, pair.key))
      #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
      return replies.compactMap {
        if case .step(.stage, _, _, _, let text) = $0 { text } else { nil }
      }.joined()
    }
    #expect(try await visit(1) == "" && facts(scene, 1) == "600 0:0")
    let key = scene.base + "/archive/x/1/privkey.pem"
    chown(key, 0, 33)
    chmod(key, 0o640)
    let told = try await visit(2)
    #expect(told.contains("as the one before was made by hand") && facts(scene, 2) == "640 0:33", "\(told)")
    chmod(scene.base + "/archive/x/2/privkey.pem", 0o644)
    let open = try await visit(3)
    #expect(open.contains("-rw-r--r--") && open.contains("which is not taken over"), "\(open)")
    #expect(facts(scene, 3) == "600 0:0")
  }
}
