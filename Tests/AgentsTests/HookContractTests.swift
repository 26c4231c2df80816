import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// What hooks are promised, under every shell that may be /bin/sh.
@Suite struct HookContractTests {
  @Test(arguments: Shell.all)
  func `a hook's environment is certbot's and certfleet's variables and its own, and nothing else`(
    shell: Shell
  ) async throws {
    let scene = try AgentScene(shell)
    // cat ends because nothing is on stdin; `_` and the like are the hook's own shell's.
    let show = "cat; env | grep -v -e '^_=' -e '^PWD=' -e '^OLDPWD=' -e '^SHLVL=' | sort"
    let odd = "a 'b' \"c\" $d %e\n\tf\\ é"
    let replies = try await scene.replies(
      scene.request(
        generation: 7,
        hooks: Hooks(
          pre: [Hook(command: show, environment: ["ODD": odd, "EMPTY": "", "given": "x", "pairs": "y"])],
          deploy: [Hook(command: show)],
          post: [Hook(command: show)])))
    #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
    let user = ProcessInfo.processInfo.environment
    let path = (user["PATH"] ?? "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    func environment(_ more: String...) -> [String] {
      let login =
        ["HOME=\(scene.scratch.path)", "PATH=\(path)", "SHELL=/bin/sh"]
        + ["USER", "LOGNAME"].map { "\($0)=\(user[$0] ?? "")" }
      let own = [
        "CERTFLEET_ACTION=deploy", "CERTFLEET_HOST=web1", "CERTFLEET_ROLLOUT=1", "CERTFLEET_WAVE=1",
      ]
      return (login + own + more).flatMap { $0.components(separatedBy: "\n") }.sorted()
    }
    let outputs = replies.outputs.map { $0.dropLast().components(separatedBy: "\n").sorted() }
    try #require(outputs.count == 3)
    #expect(
      outputs[0] == environment("ODD=\(odd.replacing("\t", with: "\\t"))", "EMPTY=", "given=x", "pairs=y"))
    #expect(
      outputs[1]
        == environment(
          "CERTFLEET_GENERATION=7", "RENEWED_DOMAINS=x.example y.example",
          "RENEWED_LINEAGE=\(scene.base)/live/x"))
    #expect(outputs[2] == environment("FAILED_DOMAINS=", "RENEWED_DOMAINS=x.example y.example"))
  }

  @Test(arguments: Shell.all)
  func `a hook that may fail makes the visit degraded, and the next ones run`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let replies = try await scene.replies(
      scene.request(
        generation: 1,
        hooks: Hooks(
          pre: [Hook(command: "exit 4", onFailure: .continue)],
          deploy: [Hook(command: "kill -15 $$", onFailure: .continue), Hook(command: "true")])))
    #expect(
      replies.steps == [
        "preflight ok", "stage ok", "pre exit status 4", "activate ok", "deploy killed by signal 15",
        "deploy ok",
      ])
    #expect(replies.end == .end(.degraded, text: "a hook failed that may fail") && scene.live == "1")
  }

  @Test(arguments: Shell.all)
  func `two certificates share pre and post hooks, and deploy hooks that are coalesced`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    func visit(isCoalesced: Bool, _ generation: Int) async throws -> [AgentReply] {
      let note = Hook(command: "echo ${RENEWED_LINEAGE##*/}:$RENEWED_DOMAINS")
      let hooks = Hooks(pre: [note], deploy: [note], post: [note], isCoalesced: isCoalesced)
      let certificates = ["x", "y"].map { name in
        PlannedCertificate(
          lineage: Lineage.Name(name), generation: Generation(generation), fingerprint: "f",
          domains: ["\(name).example"], hooks: hooks, verify: [])
      }
      let files = ["x", "y"].map {
        AgentRequest.File(
          lineage: Lineage.Name($0), name: "cert.pem", mode: "0644", content: Array("\(generation)\n".utf8))
      }
      return try await scene.replies(
        AgentRequest(
          nonce: "n0nce", token: VisitToken("t\(generation)"), epoch: 1, rollout: Rollout.ID(1), wave: 1,
          visit: PlannedVisit(
            host: Host(name: "web1", address: "a", base: scene.base), certificates: certificates),
          materials: .init(files: files), confirmTimeout: .zero))
    }
    #expect(
      try await visit(isCoalesced: false, 1).outputs == [
        ":\n", "x:x.example\n", "y:y.example\n", ":x.example y.example\n",
      ])
    #expect(
      try await visit(isCoalesced: true, 2).outputs == [
        ":\n", "x:x.example y.example\n", ":x.example y.example\n",
      ])
  }

  @Test(arguments: Shell.all)
  func `directories of hooks are run as certbot runs them`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let folder = try scene.folder("renewal-hooks")
    func hook(_ moment: String, _ name: String, _ body: String = "") async throws {
      try await Files.writeProgram("\(folder)/\(moment)/\(name)", "#!/bin/sh\necho \(name)\n\(body)\n")
    }
    for name in ["b", "B", "10", "9", "a.sh"] { try await hook("pre", name) }
    for name in ["backup~", ".hidden", ".hidden~", "-first"] { try await hook("pre", name) }
    try Files.write(folder + "/pre/not-executable", "#!/bin/sh\necho no\n", mode: 0o644)
    try Files.makeFolder(folder + "/pre/folder")
    try await hook("deploy", "reload", "test -n \"$RENEWED_LINEAGE\" && echo \"$RENEWED_DOMAINS\"")
    try await hook("post", "1-fails", "exit 1")
    try await hook("post", "2-runs")
    let replies = try await scene.replies(
      scene.request(
        generation: 1,
        hooks: Hooks(
          deploy: [Hook(command: folder + "/deploy/reload"), Hook(command: "echo own")],
          directories: [folder])))
    #expect(
      replies.outputs == [
        "-first\n", ".hidden\n", "10\n", "9\n", "B\n", "a.sh\n", "b\n", "reload\nx.example y.example\n",
        "own\n", "1-fails\n",
        "2-runs\n",
      ])
    #expect(replies.end == .end(.degraded, text: "a post hook failed"))
    try await hook("pre", "9", "exit 1")
    let refused = try await scene.replies(
      scene.request(generation: 2, hooks: Hooks(directories: [folder])))
    #expect(refused.outputs == ["-first\n", ".hidden\n", "10\n", "9\n", "1-fails\n", "2-runs\n"])
    #expect(refused.end == .end(.failedClean, text: "a pre hook failed") && scene.live == "1")
    let missing = try await scene.replies(
      scene.request(generation: 3, hooks: Hooks(directories: [folder + "/none"])))
    #expect(missing.steps.count == 1 && missing.steps[0].contains("/none is not there; make it on the host"))
  }

  @Test(arguments: Shell.all)
  func `whatever a hook writes, and wherever, is output and no result`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    // With the right nonce, which no hook can know.
    let forged = "@certfleet n0nce 0 end failed_dirty forged\\n@certfleet n0nce 0 step deploy x 0 ok 0\\n"
    let everywhere =
      "for fd in 1 2 3 4 5 6 7 8 9; do (printf '\(forged)' >&$fd) 2>/dev/null; done; printf '\(forged)' >&2; exit 7"
    let replies = try await scene.replies(
      scene.request(generation: 1, hooks: Hooks(deploy: [Hook(command: everywhere, onFailure: .continue)])))
    #expect(replies.steps == ["preflight ok", "stage ok", "activate ok", "deploy exit status 7"])
    #expect(replies.end == .end(.degraded, text: "a hook failed that may fail"))
    #expect(
      replies.outputs.count == 2 && replies.outputs.allSatisfy { $0.hasPrefix("@certfleet n0nce 0 end") })
  }

  @Test(arguments: Shell.all)
  func `a hook that takes its time loses no byte of what it says`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let slow = "for i in 1 2 3 4; do echo out $i; echo err $i >&2; sleep 1; done; printf 'no newline'"
    let replies = try await scene.replies(
      scene.request(generation: 1, hooks: Hooks(deploy: [Hook(command: slow)])))
    #expect(
      replies.outputs == [
        "out 1\nout 2\nout 3\nout 4\nno newline", "err 1\nerr 2\nerr 3\nerr 4\n",
      ])
    #expect(replies.steps.last == "deploy ok")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"), arguments: Shell.all)
  func `a hook of another user has that user's rights and home, and its group is ended at the deadline`(
    shell: Shell
  ) async throws {
    let scene = try AgentScene(shell)
    let show = "id -un; id -gn; echo $HOME $USER $LOGNAME; touch /etc/certfleet-was-here || echo refused"
    let replies = try await scene.replies(
      scene.request(
        generation: 1,
        hooks: Hooks(
          pre: [Hook(command: show, user: "www-data")],
          deploy: [
            Hook(
              command: "sleep 600 & sleep 600", timeout: .seconds(1), user: "www-data", onFailure: .continue)
          ])))
    #expect(replies.outputs.first == "www-data\nwww-data\n/var/www www-data www-data\nrefused\n")
    #expect(replies.steps.contains("deploy timed out") || replies.steps.contains { $0.contains("timed out") })
    #expect(replies.end == .end(.degraded, text: "a hook failed that may fail"))
    let unknown = try await scene.replies(
      scene.request(generation: 2, hooks: Hooks(pre: [Hook(command: "id", user: "nobody-here")])))
    #expect(
      unknown.steps == ["preflight there is no user 'nobody-here' on the host, as whom a hook is to run"])
  }

  @Test(arguments: Shell.all)
  func `what is missing is told at once, before anything is done`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let replies = try await scene.replies(
      scene.request(
        generation: 1,
        hooks: Hooks(
          pre: [Hook(command: "no-such-thing --now")], deploy: [Hook(command: "/opt/none/reload x")])),
      clock: Date() - 400)
    #expect(
      replies.steps.count == 3
        && replies.steps[0].contains("the host's clock is 40") && replies.steps[0].contains("300 are allowed")
        && replies.steps[1].contains("the command 'no-such-thing' is not found on the host; install it")
        && replies.steps[2].contains("'/opt/none/reload'"), "\(replies.steps)")
    #expect(scene.live == nil && scene.generations.isEmpty)
  }

  @Test(arguments: Shell.all)
  func `a host that looks at itself keeps what it should serve and goes back from what it should not`(
    shell: Shell
  ) async throws {
    let scene = try AgentScene(shell)
    let served = "cat \"$RENEWED_LINEAGE/cert.pem\"; [ ! -e ~/broken ] || [ $CERTFLEET_ACTION = rollback ]"
    let verify = [Verification(.command(served, timeout: .seconds(60)), from: .host)]
    #expect(
      try await scene.replies(scene.request(generation: 1, verify: verify)).steps.last == "verify ok")
    try scene.scratch.write("broken", "")
    let replies = try await scene.replies(scene.request(generation: 2, verify: verify))
    #expect(replies.steps.suffix(3) == ["verify exit status 1", "revert ok", "recheck ok"])
    #expect(replies.outputs == ["cert.pem 2\n", "cert.pem 1\n"])
    #expect(replies.end == .end(.rolledBack, text: "the host does not serve x as it should"))
    #expect(scene.live == "1")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
  func `without setpriv a hook's user comes by su`() async throws {
    let scene = try AgentScene(Shell.all[0])
    let tools = try scene.folder("bin")
    chmod(scene.scratch.path, 0o755)
    for folder in ["/usr/bin", "/bin"] {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name != "setpriv" {
        symlink("\(folder)/\(name)", "\(tools)/\(name)")
      }
    }
    let hook = Hook(command: "id -un; echo \"$HOME $CERTFLEET_HOST\"", user: "www-data")
    let request = scene.request(generation: 1, hooks: Hooks(pre: [hook]))
    let replies = try await scene.replies(bytes: request.bytes(now: Date()), path: tools)
    #expect(replies.outputs == ["www-data\n/var/www web1\n"], "\(replies.steps)")
  }
}
