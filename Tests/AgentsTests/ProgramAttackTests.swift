import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Somebody else on the host tries to have a program of theirs run by root, or to read what a hook is told.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root, to be attacked by another user"))
struct ProgramAttackTests {
  private let daemon = Attacker.daemon

  private func visit(_ scene: AgentScene, _ generation: Int, _ folder: String) async throws -> String {
    try await scene.visit(generation, hooks: Hooks(directories: [folder]))
  }

  @Test(arguments: Shell.all)
  func `a program of somebody else's does not run as root`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let hooks = try scene.folder("hooks")
    let moments = ["pre", "deploy", "post"]
    for moment in moments { try Files.makeFolder("\(hooks)/\(moment)") }
    let program = hooks + "/deploy/50-reload"
    let mark = scene.scratch.path + "/was-root"
    let text = "#!/bin/sh\nid -u >\(mark)\n"
    func put(as attacker: Attacker? = nil, mode: Int = 0o755) throws {
      try? FileManager.default.removeItem(atPath: program)
      try Files.write(program, text, mode: mode)
      attacker?.owns(program)
    }
    func refused(_ reason: String) async throws {
      let said = try await visit(scene, 1, hooks)
      #expect(said.contains(reason) && said.contains("for what is there runs as root"), "\(said)")
      #expect(!scene.exists(mark) && scene.live == nil)
    }
    try put()
    for (path, mode) in [(hooks + "/deploy", 0o777), (hooks, 0o777), (hooks + "/deploy", 0o1777)] {
      chmod(path, mode_t(mode))
      try await refused(mode == 0o1777 ? "is a folder where everybody" : "\(path) can be written by others")
      chmod(path, 0o755)
    }
    daemon.owns(hooks + "/deploy")
    try await refused("\(hooks)/deploy belongs to daemon")
    chown(hooks + "/deploy", 0, 0)
    try put(as: daemon)
    try await refused("\(program) belongs to daemon")
    try put(mode: 0o757)
    try await refused("\(program) can be written by others (-rwxr-xrwx")
    // A program behind a link: the link, the folder that it stands in, and what it leads to.
    let theirs = try scene.folder("theirs", of: daemon)
    try Files.write(theirs + "/tool", text, mode: 0o755)
    try FileManager.default.removeItem(atPath: program)
    symlink("../../theirs/tool", program)
    try await refused("theirs belongs to daemon")
    try FileManager.default.removeItem(atPath: program)
    let tool = try scene.folder("tools") + "/tool"
    try await Files.writeProgram(tool, text)
    symlink(tool, program)
    lchown(program, daemon.uid, daemon.gid)
    try await refused("\(program) is a link of daemon's")
    lchown(program, 0, 0)
    #expect(try await visit(scene, 1, hooks) == "ok")
    #expect(Files.read(mark) == "0\n")
  }

  @Test(arguments: Shell.all)
  func `a program that comes during the visit is looked at before it runs`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let hooks = try scene.folder("hooks")
    let mark = scene.scratch.path + "/was-root"
    try Files.makeFolder(hooks + "/deploy")
    let theirs = try scene.folder("theirs", of: daemon)
    try Files.write(theirs + "/tool", "#!/bin/sh\nid -u >\(mark)\n", mode: 0o755)
    let pre = Hook(command: "ln -s \(theirs)/tool \(hooks)/deploy/later")
    let said = try await scene.visit(1, hooks: Hooks(pre: [pre], directories: [hooks]))
    #expect(said.hasPrefix("rolled_back") && said.contains("theirs belongs to daemon"), "\(said)")
    #expect(!scene.exists(mark) && scene.live == nil)
  }

  @Test(arguments: Shell.all)
  func `a program that cannot be run where it is, is told`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let hooks = try scene.folder("hooks")
    try await Mounted.tmpfs(at: hooks, "noexec") {
      try Files.makeFolder(hooks + "/post")
      try Files.write(hooks + "/post/reload", "#!/bin/sh\n", mode: 0o755)
      try Files.write(hooks + "/post/README", "not a program\n", mode: 0o644)
      let said = try await visit(scene, 1, hooks)
      // busybox's shell takes it for one that may be run, and then cannot.
      let cannot = "\(hooks)/post/reload is meant to run and cannot: its file system is mounted noexec"
      #expect(
        said.contains(cannot) || said == "degraded; post exit status 126; a post hook failed", "\(said)")
      chmod(hooks + "/post/reload", 0o644)
      let without = try await visit(scene, 1, hooks)
      #expect(without == "ok", "\(without)")
    }
  }

  @Test(arguments: Shell.all)
  func `what a hook is told is no argument of any process`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let secret = "s3cret 'of' the hook\n\\x"
    func hook(_ user: String?) -> Hook {
      Hook(command: "printf %s \"$DBPASS\" | cksum; id -un", user: user, environment: ["DBPASS": secret])
    }
    let request = scene.request(
      generation: 1, hooks: Hooks(pre: [hook(nil)], deploy: [hook("daemon")], post: [hook("www-data")]))
    let input = try scene.scratch.write("stdin", String(decoding: request.bytes(now: Date()), as: UTF8.self))
    let trace = scene.scratch.path + "/trace"
    let words = shell.words.joined(separator: " ")
    let result = try await Program.run(
      try Program.find("strace"),
      [
        "-f", "-qq", "-s", "100000", "-e", "trace=execve", "-o", trace, "/bin/sh", "-c",
        "exec \(words) -s <'\(input)'",
      ],
      environment: ["HOME": scene.scratch.path])
    var parser = ReplyParser(nonce: "n0nce")
    let replies = try parser.consume(Array(result.stdout.utf8))
    #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
    let sum = try await Program.succeed("/bin/sh", ["-c", "printf %s \"$1\" | cksum", "sh", secret])
    #expect(replies.outputs == ["root", "daemon", "www-data"].map { sum + $0 + "\n" }, "\(replies.outputs)")
    let calls = Files.read(trace)
    #expect(
      calls.contains("cksum") && !calls.contains("s3cret"),
      "\(calls.split(separator: "\n").filter { $0.contains("s3cret") })")
    // Nor does it rest anywhere when the visit is over.
    let left = try await Program.run(
      try Program.find("grep"), ["-rlE", "DBPASS=|s3cret", scene.base + "/.certfleet", "--exclude=plan"])
    #expect(left.stdout.isEmpty, "\(left.stdout)")
  }

  @Test(arguments: Shell.all)
  func `a login's environment does not take the agent's own words from it`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let request = scene.request(
      generation: 1,
      hooks: Hooks(deploy: [Hook(command: "env | grep ^certfleet_; exit 3", timeout: .seconds(60))]))
    let names = ["line", "deadline", "stream", "mark", "ended", "other"].map { "certfleet_\($0)" }
    let result = try await Program.run(
      try Program.find(shell.words[0]), shell.words.dropFirst() + ["-s"],
      environment: Dictionary(uniqueKeysWithValues: names.map { ($0, "x") }).merging(
        ["HOME": scene.scratch.path]) { $1 },
      stdin: String(decoding: request.bytes(now: Date()), as: UTF8.self))
    var parser = ReplyParser(nonce: "n0nce")
    let replies = try parser.consume(Array(result.stdout.utf8))
    #expect("\(replies)".contains("exit status 3") && replies.outputs.isEmpty, "\(replies)")
  }
}
