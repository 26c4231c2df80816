import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// What issuing asks of hosts, under every shell.
@Suite struct AgentTaskTests {
  private func path(_ scene: AgentScene, _ name: String) -> String {
    scene.scratch.path + "/www/.well-known/acme-challenge/" + name
  }

  @Test(arguments: Shell.all)
  func `tokens are placed for everybody to read, byte for byte, and removed`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let tokens = ["tok_1", "-tok2"].map { AgentTask.Token(name: $0, content: $0 + ".thumb") }
    let missing = try await scene.replies(.place(tokens, webroot: scene.scratch.path + "/www"))
    #expect(
      missing.end
        == .end(.failedClean, text: "the webroot \(scene.scratch.path)/www is not a folder on this host"))
    try Files.makeFolder(scene.scratch.path + "/www")
    #expect(try await scene.replies(.place(tokens, webroot: "~/www")).end == .end(.ok, text: ""))
    for token in tokens {
      #expect(Files.read(path(scene, token.name)) == token.content)
      let attributes = try FileManager.default.attributesOfItem(atPath: path(scene, token.name))
      #expect(attributes[.posixPermissions] as? Int == 0o644)
    }
    let folder = try FileManager.default.attributesOfItem(atPath: path(scene, ""))
    #expect(folder[.posixPermissions] as? Int == 0o755)
    #expect(try await scene.replies(.remove(tokens, webroot: "~/www")).end == .end(.ok, text: ""))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path(scene, "")).isEmpty)
    // Once more is no failure: a crash may have come between the removal and its record.
    #expect(try await scene.replies(.remove(tokens, webroot: "~/www")).end == .end(.ok, text: ""))
  }

  @Test(arguments: Shell.all)
  func `a token that is no file name is refused`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    try Files.makeFolder(scene.scratch.path + "/www")
    for name in ["../x", "a/b", ".x"] {
      let replies = try await scene.replies(.place([.init(name: name, content: "c")], webroot: "~/www"))
      #expect(replies.end == .end(.failedClean, text: "'\(name)' is not a token"))
    }
    #expect(!FileManager.default.fileExists(atPath: scene.scratch.path + "/www/.well-known"))
  }

  private func makeKey(_ type: KeyType, id: String, reuse: Bool = false) -> AgentTask {
    .makeKey(
      lineage: "x@web1", id: id, policy: KeyPolicy(type: type, isReused: reuse, place: .host),
      names: ["x.example", "192.0.2.1"])
  }

  @Test(arguments: Shell.all)
  func `a host makes its key and the request for it, and takes the certificate to it`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let openssl = try Program.find("openssl")
    for (type, shown) in [(KeyType.ecdsaP256, "256 bit"), (.ecdsaP384, "384 bit"), (.rsa2048, "2048 bit")] {
      let replies = try await scene.replies(makeKey(type, id: "k-\(type.rawValue)"))
      #expect(replies.end == .end(.ok, text: ""))
      let request = try scene.scratch.write("csr", replies.outputs.joined())
      let text = try await Program.succeed(openssl, ["req", "-in", request, "-noout", "-verify", "-text"])
      #expect(text.contains("DNS:x.example, IP Address:192.0.2.1") && text.contains(shown))
    }
    let again = try await scene.replies(makeKey(.ecdsaP256, id: "k-ecdsa-p256"))
    let request = try scene.scratch.write("csr", again.outputs.joined())
    let certificate = try await Program.succeed(
      openssl,
      [
        "x509", "-req", "-in", request, "-signkey", scene.base + "/.certfleet/keys/x/k-ecdsa-p256.pem",
        "-days", "9",
      ])
    #expect(
      try await deploy(certificate, generation: 1, id: "k-rsa-2048", scene)
        == .end(.failedClean, text: "the key that this host made does not belong to the certificate"))
    #expect(scene.live == nil)
    #expect(try await deploy(certificate, generation: 1, id: "k-ecdsa-p256", scene) == .end(.ok, text: ""))
    #expect(scene.live == "1")
    let key = Files.read(scene.base + "/live/x/privkey.pem")
    #expect(key.contains("PRIVATE KEY"))
    // The key rests beside its certificate now, and the same certificate is taken again without it.
    #expect(!FileManager.default.fileExists(atPath: scene.base + "/.certfleet/keys/x/k-ecdsa-p256.pem"))
    #expect(
      try await deploy(certificate, generation: 1, id: "k-ecdsa-p256", token: "again", scene)
        == .end(.ok, text: ""))
    let gone = try await deploy(certificate, generation: 2, id: "gone", scene)
    #expect(
      gone
        == .end(
          .failedClean,
          text:
            "the key that this host made for the certificate is gone; make new ones: certfleet cert renew x"))
    let kept = try await scene.replies(makeKey(.ecdsaP256, id: "kept", reuse: true))
    #expect(kept.end == .end(.ok, text: ""))
    #expect(Files.read(scene.base + "/.certfleet/keys/x/kept.pem") == key)
  }

  private func deploy(
    _ certificate: String, generation: Int, id: String, token: VisitToken? = nil, _ scene: AgentScene
  ) async throws -> AgentReply? {
    let visit = scene.request(generation: generation).visit
    let files = ["cert.pem", "chain.pem", "fullchain.pem"].map { name in
      AgentRequest.File(
        lineage: "x", name: name, mode: "0644", content: Array(certificate.utf8))
    }
    let request = AgentRequest(
      nonce: "n0nce", token: token ?? VisitToken("t\(generation)\(id)"), epoch: 1, rollout: Rollout.ID(1),
      wave: 1,
      visit: visit,
      materials: .init(
        files: files, hostKeys: [.init(lineage: "x@web1", id: id, generation: Generation(generation))]),
      confirmTimeout: .zero)
    return try await scene.replies(request).end
  }

  @Test(arguments: Shell.all)
  func `a host without openssl is named before anything is written`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let tools = scene.scratch.path + "/bin"
    try Files.makeFolder(tools)
    for folder in ["/usr/bin", "/bin"] {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name != "openssl" {
        symlink("\(folder)/\(name)", "\(tools)/\(name)")
      }
    }
    let replies = try await scene.replies(makeKey(.ecdsaP256, id: "k"), path: tools)
    #expect(
      replies.end
        == .end(
          .failedClean,
          text: "the command 'openssl' is missing on the host, which makes its keys itself; install it"))
    #expect(!FileManager.default.fileExists(atPath: scene.base + "/.certfleet/keys"))
  }
}
