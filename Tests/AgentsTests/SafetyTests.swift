import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

/// What others on a host, or a request that is not ours, could turn against it.
@Suite struct SafetyTests {
  private static let isRoot = geteuid() == 0

  @Test(.enabled(if: isRoot, "needs root, whose folders are told"), arguments: Shell.all)
  func `a base into which others could put something is refused`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    for folder in [scene.base, scene.scratch.path] {
      chmod(folder, 0o777)
      let refused = try await scene.replies(scene.request(generation: 1))
      #expect(
        refused.end
          == .end(
            .failedClean,
            text:
              "\(folder) can be written by others (drwxrwxrwx root root); mend it: chmod o-w \(folder), or set another base"
          ))
      #expect(scene.live == nil && scene.generations.isEmpty)
      chmod(folder, 0o755)
    }
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    chmod(scene.base, 0o777)
    let query = AgentRequest.query(
      "t1", nonce: "n0nce", host: Host(name: "web1", address: "a", base: scene.base), patience: .seconds(5))
    guard case .end(.deferred, let text) = try await scene.replies(bytes: query).end else {
      Issue.record("a journal that others could have written was believed")
      return
    }
    #expect(text.contains("can be written by others"))
  }

  @Test(.enabled(if: isRoot, "needs root, to give a folder away"), arguments: Shell.all)
  func `a state folder of somebody else's is refused`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    chown(scene.base + "/.certfleet", 1, 1)
    let refused = try await scene.replies(scene.request(generation: 2))
    #expect(
      refused.steps.last?.contains(".certfleet belongs to daemon (drwx------ daemon daemon)") == true,
      "\(refused.steps)")
    #expect(scene.live == "1")
  }

  @Test(arguments: Shell.all)
  func `where others may write, files wait in a folder of one's own and take their place from there`(
    shell: Shell
  ) async throws {
    let scene = try AgentScene(shell)
    let shared = try scene.folder("shared 'one'")
    chmod(shared, 0o777)
    func visit(_ generation: Int, _ deploy: String) async throws -> AgentReply? {
      let place = AgentRequest.Destination(
        lineage: "x", parts: ["cert.pem"], path: shared + "/x.pem", mode: "0644", owner: nil, group: nil,
        allowances: [.shared])
      return try await scene.replies(
        scene.request(
          generation: generation, hooks: Hooks(deploy: [Hook(command: deploy)]),
          token: VisitToken("\(generation)\(deploy.count)"), destinations: [place])
      ).end
    }
    let look = "ls -A '\(shared.replacing("'", with: "'\\''"))' >~/seen; [ $CERTFLEET_ACTION = rollback ]"
    #expect(try await visit(1, "true") == .end(.ok, text: ""))
    #expect(try await visit(2, look) == .end(.rolledBack, text: "deploy hook of x failed"))
    #expect(Files.read(scene.scratch.path + "/seen") == "x.pem\n")
    #expect(Files.read(shared + "/x.pem") == "cert.pem 1\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: shared) == ["x.pem"])
    let inside = AgentRequest.Destination(
      lineage: "x", parts: ["cert.pem"], path: scene.base + "/x.pem", mode: "0644", owner: nil, group: nil,
      allowances: [])
    let refused = try await scene.replies(scene.request(generation: 2, destinations: [inside]))
    #expect(refused.steps.last?.contains("which is certfleet's own; name another folder") == true)
  }

  @Test(arguments: Shell.all)
  func `a token goes through no link of the web server's`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let (www, elsewhere) = (try scene.folder("www"), try scene.folder("elsewhere"))
    try FileManager.default.createSymbolicLink(atPath: www + "/.well-known", withDestinationPath: elsewhere)
    let refused = try await scene.replies(.place([.init(name: "t", content: "c")], webroot: www))
    guard case .end(.failedClean, let text) = refused.end else {
      Issue.record("the link was followed: \(refused)")
      return
    }
    #expect(text.contains("symbolic link; name the folder that it leads to as the webroot"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
    try FileManager.default.removeItem(atPath: www + "/.well-known")
    try Files.makeFolder(www + "/.well-known/acme-challenge")
    try FileManager.default.createSymbolicLink(
      atPath: www + "/.well-known/acme-challenge/.t", withDestinationPath: elsewhere + "/target")
    #expect(
      try await scene.replies(.place([.init(name: "t", content: "c")], webroot: www)).end
        == .end(.ok, text: ""))
    #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
    #expect(Files.read(www + "/.well-known/acme-challenge/t") == "c")
  }
}
