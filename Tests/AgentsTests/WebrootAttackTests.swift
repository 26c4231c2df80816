import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// A web server's user tries to have root write elsewhere, or wait without an end, by what lies in the web server's folders.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root, to be attacked by another user"))
struct WebrootAttackTests {
  private let www = Attacker.www
  private let token = AgentTask.Token(name: "tok_1", content: "tok_1.thumb")
  private let challenge = ".well-known/acme-challenge"

  private func place(_ scene: AgentScene, _ webroot: String) async throws -> String {
    guard case .end(let end, let text) = try await scene.replies(.place([token], webroot: webroot)).end else {
      return "no end"
    }
    return end == .ok ? "ok" : text
  }

  private func remove(_ scene: AgentScene, _ webroot: String) async throws -> AgentReply? {
    try await scene.replies(.remove([token], webroot: webroot)).end
  }

  @Test(arguments: Shell.all)
  func `in a web server's own folder the token is made by the web server's user`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let webroot = try scene.folder("www", of: www)
    #expect(try await place(scene, webroot) == "ok")
    let path = "\(webroot)/\(challenge)/tok_1"
    #expect(Files.read(path) == token.content && scene.mode(of: path) == 0o644)
    #expect(scene.owner(of: path) == www.uid && scene.owner(of: webroot + "/.well-known") == www.uid)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(webroot)/\(challenge)") == ["tok_1"])
    #expect(try await place(scene, webroot) == "ok")
    #expect(try await remove(scene, webroot) == .end(.ok, text: "") && !scene.exists(path))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scene.base + "/.certfleet").filter {
        $0.hasPrefix("task")
      } == [])
  }

  @Test(arguments: Shell.all)
  func `folders that root has made in a web server's are used on`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    for (name, mode) in [("www", 0o755), ("group", 0o2775)] {
      let webroot = try scene.folder(name)
      if mode == 0o755 { www.owns(webroot) } else { chown(webroot, 0, www.gid) }
      chmod(webroot, mode_t(mode))
      if mode == 0o755 { try Files.makeFolder("\(webroot)/\(challenge)") }
      #expect(try await place(scene, webroot) == "ok", "\(name)")
      let path = "\(webroot)/\(challenge)/tok_1"
      #expect(Files.read(path) == token.content && scene.owner(of: path) == 0)
      #expect(try await remove(scene, webroot) == .end(.ok, text: "") && !scene.exists(path))
    }
  }

  @Test(arguments: Shell.all)
  func `a webroot that is a link of the web server's is refused`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    _ = try scene.folder("theirs", of: www)
    let roots = try scene.folder("roots")
    try await www.run(
      "ln -s ../roots theirs/html; mkdir theirs/real; ln -s ../../roots theirs/real/.well-known", in: scene)
    for (webroot, reason) in [
      ("theirs/html", "name the folder that it leads to"),
      ("theirs/real", "is, or is below, a symbolic link"),
    ] {
      let said = try await place(scene, scene.scratch.path + "/" + webroot)
      #expect(said.contains(reason), "\(said)")
    }
    symlink(roots, scene.scratch.path + "/html")
    lchown(scene.scratch.path + "/html", www.uid, www.gid)
    let turned = try await place(scene, scene.scratch.path + "/html")
    #expect(turned.contains("html is a link of www-data's, who could turn it"), "\(turned)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: roots).isEmpty)
    // Somebody else's folder above the web server's could be exchanged.
    let above = try scene.folder("above", of: .daemon)
    _ = try scene.folder("above/www", of: www)
    let exchanged = try await place(scene, above + "/www")
    #expect(exchanged.contains("\(above) belongs to daemon"), "\(exchanged)")
  }

  @Test(arguments: Shell.all)
  func `nothing that lies at a token's place holds the agent up or is written through`(shell: Shell)
    async throws
  {
    let scene = try AgentScene.withOthers(shell)
    let webroot = try scene.folder("www", of: www)
    let victim = try scene.scratch.write("victim", "root's\n")
    let folder = "www/\(challenge)"
    try await www.run("mkdir -p \(folder)", in: scene)
    for trap in [
      "mkfifo tok_1", "mkfifo .tok_1", "ln -s /dev/zero tok_1", "ln -s /dev/zero .tok_1",
      "ln -s \(victim) tok_1", "ln -s \(victim) .tok_1",
    ] {
      try await www.run("rm -rf \(folder)/*tok_1 \(folder)/.tok_1; cd \(folder) && \(trap)", in: scene)
      let clock = ContinuousClock.now
      #expect(try await place(scene, webroot) == "ok", "\(trap)")
      #expect(ContinuousClock.now - clock < .seconds(15))
      #expect(Files.read("\(scene.scratch.path)/\(folder)/tok_1") == token.content)
    }
    try await www.run("rm -f \(folder)/tok_1; mkdir \(folder)/tok_1", in: scene)
    let taken = try await place(scene, webroot)
    #expect(taken.contains("cannot be replaced by www-data"), "\(taken)")
    #expect(Files.read(victim) == "root's\n")
  }

  @Test(.timeLimit(.minutes(2)))
  func `folders and tokens that are exchanged at every moment lead nowhere and hold nothing up`() async throws
  {
    let scene = try AgentScene.withOthers(Shell.all[0])
    let webroot = try scene.folder("www", of: www)
    let roots = try scene.folder("roots")
    try Files.makeFolder(roots + "/acme-challenge")
    let swap = """
      mkdir -p www/.well-known/acme-challenge; cd www/.well-known/acme-challenge 2>/dev/null && {
      rm -f tok_1; mkfifo tok_1 .tok_1 2>/dev/null; rm -rf .certfleet-*; cd ../../..; }
      mv -T www/.well-known www/aside; ln -s ../roots www/.well-known; rm -f www/.well-known; mv -T www/aside www/.well-known
      """
    var (ends, longest): ([String: Int], Duration) = ([:], .zero)
    try await www.repeating(swap, in: scene) {
      let end = ContinuousClock.now + .seconds(12)
      while ContinuousClock.now < end {
        let start = ContinuousClock.now
        let said = try await place(scene, webroot)
        longest = max(longest, .now - start)
        ends[said == "ok" ? "ok" : said.contains("exchanged") ? "exchanged" : "refused", default: 0] += 1
      }
    }
    print("exchanged webroot: \(ends), the longest took \(longest)")
    #expect(try FileManager.default.subpathsOfDirectory(atPath: roots) == ["acme-challenge"])
    #expect(longest < .seconds(40))
  }

  @Test(.timeLimit(.minutes(2)))
  func `a user who stops what acts as them does not hold the agent up`() async throws {
    let scene = try AgentScene.withOthers(Shell.all[0])
    let webroot = try scene.folder("www", of: www)
    let stop = #"""
      export webroot='\#(webroot)'; perl -e 'for (1 .. 400) { for my $p (</proc/[0-9]*>) { next unless (stat $p)[4] == $>;
        open my $f, "<", "$p/cmdline" or next; kill STOP => $p =~ /(\d+)/ if <$f> =~ /\Q$ENV{webroot}\E.*[.]certfleet-task/s } }'
      """#
    var held = 0
    try await www.repeating(stop, in: scene) {
      for _ in 1...40 where held == 0 {
        let start = ContinuousClock.now
        let said = try await place(scene, webroot)
        #expect(ContinuousClock.now - start < .seconds(45))
        if said != "ok" {
          held += 1
          #expect(said.contains("www-data did not get done in \(webroot)"), "\(said)")
        }
      }
    }
    print("stopped: held up \(held) times")
  }
}
