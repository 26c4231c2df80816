import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

@Suite struct AgentTests {
  private let note = "echo $CERTFLEET_ACTION:$RENEWED_DOMAINS:$FAILED_DOMAINS:${RENEWED_LINEAGE##*/}"

  private func hooks(pre: String = "true", deploy: String = "true", post: String = "true") -> Hooks {
    Hooks(pre: [Hook(command: pre)], deploy: [Hook(command: deploy)], post: [Hook(command: post)])
  }

  @Test(arguments: Shell.all)
  func `a visit goes through its steps, and again does nothing twice`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let request = scene.request(generation: 1, hooks: hooks(pre: note, deploy: note, post: note))
    let replies = try await scene.replies(request)
    #expect(replies.end == .end(.ok, text: ""))
    #expect(replies.steps == ["preflight ok", "stage ok", "pre ok", "activate ok", "deploy ok", "post ok"])
    #expect(
      replies.outputs == ["deploy:::\n", "deploy:x.example y.example::x\n", "deploy:x.example y.example::\n"])
    #expect(scene.live == "1")
    #expect(Files.read(scene.base + "/live/x/privkey.pem") == "privkey.pem 1\n")
    let attributes = try FileManager.default.attributesOfItem(atPath: scene.base + "/archive/x/1/privkey.pem")
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let again = try await scene.replies(request)
    #expect(again.end == .end(.ok, text: "") && again.steps.isEmpty)
  }

  @Test(arguments: Shell.all)
  func `a hook that fails at each moment leaves the right pair`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    let pre = try await scene.replies(
      scene.request(generation: 2, hooks: hooks(pre: "exit 3", post: note), token: "a"))
    #expect(pre.steps == ["preflight ok", "stage ok", "pre exit status 3", "post ok"])
    #expect(pre.end == .end(.failedClean, text: "a pre hook failed"))
    #expect(pre.outputs == ["rollback::x.example y.example:\n"])
    #expect(scene.live == "1" && scene.generations == ["1"])
    let deploy = "test $CERTFLEET_ACTION = rollback || kill -9 $$"
    let broken = try await scene.replies(
      scene.request(generation: 2, hooks: hooks(deploy: deploy), token: "b"))
    #expect(
      broken.steps == [
        "preflight ok", "stage ok", "pre ok", "activate ok", "deploy killed by signal 9", "revert ok",
        "redeploy ok", "post ok",
      ])
    #expect(broken.end == .end(.rolledBack, text: "deploy hook of x failed"))
    #expect(scene.live == "1" && scene.generations == ["1"])
    let dirty = try await scene.replies(
      scene.request(generation: 2, hooks: hooks(deploy: "exit 1"), token: "c"))
    #expect(dirty.end == .end(.failedDirty, text: "deploy hook of x failed"))
    #expect(scene.live == "1")
    let post = try await scene.replies(scene.request(generation: 2, hooks: hooks(post: "exit 1"), token: "d"))
    #expect(post.end == .end(.degraded, text: "a post hook failed"))
    #expect(scene.live == "2")
  }

  @Test(arguments: Shell.all)
  func `without a word from the controller the host goes back by itself`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    _ = try await scene.replies(scene.request(generation: 1))
    // Stdin ends behind the request, as when the connection is lost.
    let replies = try await scene.replies(scene.request(generation: 2, hooks: hooks(), confirm: .seconds(30)))
    #expect(replies.contains(.await(seconds: 30)))
    #expect(replies.end == .end(.rolledBack, text: "no word from the controller"))
    #expect(scene.live == "1")
    // Nothing ran before it that would have waited for anything.
    let bare = try await scene.replies(scene.request(generation: 3, confirm: .seconds(30)))
    #expect(bare.end == .end(.rolledBack, text: "no word from the controller"), "\(bare.steps)")
  }

  @Test(arguments: Shell.all)
  func `a transfer that is cut anywhere runs nothing`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let bytes = scene.request(generation: 1, hooks: hooks(pre: "touch \(scene.base)/ran")).bytes(now: Date())
    // All of the request and the starting line byte by byte is many runs; the last bytes and a sample of the rest.
    let cuts =
      Array((bytes.count - 12)..<(bytes.count - 1))
      + stride(from: 1, to: bytes.count - 12, by: bytes.count / 25)
    for cut in cuts {
      _ = try await shell.run(Array(bytes.prefix(cut)), home: scene.scratch.path)
      let left = try FileManager.default.contentsOfDirectory(atPath: scene.base)
      #expect(left.isEmpty, "cut at \(cut) of \(bytes.count)")
    }
  }

  @Test(arguments: Shell.all)
  func `a hanging hook is ended with its whole group, and a lingering child delays nobody`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let hang = Hook(
      command: "echo begun; sleep 1000 & echo $! >\(scene.base)/child; wait", timeout: .seconds(1))
    let replies = try await scene.replies(scene.request(generation: 1, hooks: Hooks(pre: [hang])))
    #expect(replies.steps == ["preflight ok", "stage ok", "pre timed out"])
    #expect(replies.outputs == ["begun\n"])
    let child = try #require(Int32(Files.read(scene.base + "/child").split(separator: "\n")[0]))
    try await eventually("the hook's child is gone") { !Running.isAlive(child) }
    let started = ContinuousClock.now
    let daemon = "echo started; sleep 20 & echo $! >\(scene.base)/child"
    let lingering = try await scene.replies(
      scene.request(generation: 1, hooks: hooks(deploy: daemon), token: "b"))
    #expect(lingering.end == .end(.ok, text: "") && lingering.outputs == ["started\n"])
    #expect(ContinuousClock.now - started < .seconds(15))
    kill(try #require(Int32(Files.read(scene.base + "/child").split(separator: "\n")[0])), SIGKILL)
  }

  @Test(arguments: Shell.all)
  func `a flood is capped and counted, and the hook is not held up`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let flood = "echo first; yes | head -c 20000000; echo last"
    let replies = try await scene.replies(scene.request(generation: 1, hooks: hooks(deploy: flood)))
    #expect(replies.end == .end(.ok, text: ""))
    guard
      case .output(_, let output) = try #require(
        replies.first(where: { if case .output = $0 { true } else { false } }))
    else {
      return
    }
    #expect(output.totalBytes == 20_000_011)
    #expect(
      output.text.hasPrefix("first\ny\n") && output.text.hasSuffix("y\nlast\n")
        && output.text.utf8.count < 70_000)
  }

  @Test(arguments: Shell.all)
  func `killed while a hook runs, the next visit finishes or undoes it first`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    _ = try await scene.replies(scene.request(generation: 1))
    let wait =
      "test $CERTFLEET_ACTION = rollback && touch \(scene.base)/reverted || { touch \(scene.base)/begun; until [ -e \(scene.base)/go ]; do sleep 1; done; touch \(scene.base)/ended; }"
    let visit = scene.request(
      generation: 2,
      hooks: Hooks(
        deploy: [Hook(command: wait, timeout: .seconds(120))],
        post: [Hook(command: "touch \(scene.base)/posted")]))
    let agent = try scene.start(visit)
    try await eventually("the hook has begun") {
      FileManager.default.fileExists(atPath: scene.base + "/begun")
    }
    agent.signal(SIGKILL)
    #expect(await agent.ended() == 128 + SIGKILL)
    #expect(scene.live == "2")
    try Files.write(scene.base + "/go", "")
    try await eventually("the hook that nobody waits for has ended") {
      FileManager.default.fileExists(atPath: scene.base + "/ended")
    }
    let query = AgentRequest.query(
      "t2", nonce: "n0nce", host: Host(name: "web1", address: "a", base: scene.base), patience: .seconds(5))
    let asked = try await scene.replies(bytes: query)
    #expect(asked.end == .end(.rolledBack, text: "the visit was cut off; the next one undid it"))
    #expect(scene.live == "1" && scene.generations == ["1"])
    #expect(FileManager.default.fileExists(atPath: scene.base + "/reverted"))
    #expect(FileManager.default.fileExists(atPath: scene.base + "/posted"))
    let unknown = AgentRequest.query(
      "never", nonce: "n0nce", host: Host(name: "web1", address: "a", base: scene.base), patience: .seconds(5)
    )
    #expect(try await scene.replies(bytes: unknown).end == .end(.unknownToken, text: ""))
  }

  @Test func `an older epoch is refused, and so is what certfleet did not make`() async throws {
    let scene = try AgentScene(Shell.all[0])
    _ = try await scene.replies(scene.request(generation: 1, epoch: 5))
    let older = try await scene.replies(scene.request(generation: 2, epoch: 4))
    guard case .end(.failedClean, let text) = older.end else {
      Issue.record("not refused: \(older)")
      return
    }
    #expect(text.contains("epoch 4 is older than 5"))
    try FileManager.default.removeItem(atPath: scene.base + "/live/x")
    try Files.makeFolder(scene.base + "/live/x")
    let foreign = try await scene.replies(scene.request(generation: 2, epoch: 6))
    #expect(foreign.steps.last?.contains("is not a link that certfleet made") == true)
    #expect(scene.generations == ["1"])
  }

  @Test func `a link of the user's own is not taken over`() async throws {
    let scene = try AgentScene(Shell.all[0])
    try Files.makeFolder(scene.base + "/live")
    try FileManager.default.createSymbolicLink(
      atPath: scene.base + "/live/x", withDestinationPath: "/etc/ssl")
    let replies = try await scene.replies(scene.request(generation: 1, hooks: hooks(deploy: "exit 1")))
    #expect(replies.steps.last?.contains("is not a link that certfleet made") == true)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scene.base + "/live/x") == "/etc/ssl")
  }

  @Test func `the same generation again goes nowhere when its hook fails`() async throws {
    let scene = try AgentScene(Shell.all[0])
    _ = try await scene.replies(scene.request(generation: 2, token: "a"))
    let deploy = "test $CERTFLEET_ACTION = rollback"
    let again = try await scene.replies(
      scene.request(generation: 2, hooks: hooks(deploy: deploy), token: "b"))
    #expect(again.end == .end(.failedClean, text: "deploy hook of x failed"))
    #expect(scene.live == "2")
  }

  @Test(arguments: Shell.all)
  func `what is to stay as it is stays when something fails after it was activated`(shell: Shell) async throws
  {
    let scene = try AgentScene(shell)
    _ = try await scene.replies(scene.request(generation: 1))
    let early = try await scene.replies(
      scene.request(generation: 2, hooks: hooks(pre: "exit 3"), token: "a", staysAsItIs: true))
    #expect(early.end == .end(.failedClean, text: "a pre hook failed") && scene.live == "1")
    let late = try await scene.replies(
      scene.request(
        generation: 2, hooks: hooks(deploy: "exit 200", post: note), token: "b", staysAsItIs: true))
    #expect(
      late.steps == [
        "preflight ok", "stage ok", "pre ok", "activate ok", "deploy exit status 200", "post ok",
      ])
    #expect(late.end == .end(.failedDirty, text: "deploy hook of x failed; it was left as it is"))
    #expect(late.outputs == ["deploy::x.example y.example:\n"] && scene.live == "2")
  }

  @Test(arguments: Shell.all)
  func `a keystore that was made anew takes the place of the one in the active generation`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    for content in ["one", "two"] {
      let store = AgentRequest.File(
        lineage: "x", name: "store.p12", mode: "0600", content: Array(content.utf8))
      let visit = try await scene.replies(
        scene.request(generation: 1, token: VisitToken(content), more: [store]))
      #expect(visit.end == .end(.ok, text: ""))
      #expect(Files.read(scene.base + "/live/x/store.p12") == content)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scene.base + "/archive/x/1").count == 5)
  }

  @Test func `hooks have the umask of the login, and keys have not`() async throws {
    let scene = try AgentScene(Shell.all[0])
    let made = "umask 022; exec dash -s"
    let replies = try await Program.run(
      try Program.find("sh"), ["-c", made], environment: ["HOME": scene.scratch.path],
      stdin: String(
        decoding: scene.request(generation: 1, hooks: hooks(deploy: "umask")).bytes(now: Date()),
        as: UTF8.self))
    #expect(replies.stdout.contains("0022"))
    let folder = try FileManager.default.attributesOfItem(atPath: scene.base + "/.certfleet")
    #expect(folder[.posixPermissions] as? Int == 0o700)
  }

  @Test func `three generations are kept`() async throws {
    let scene = try AgentScene(Shell.all[0])
    for generation in 1...12 where generation != 5 {
      _ = try await scene.replies(scene.request(generation: generation))
    }
    #expect(scene.live == "12" && scene.generations == ["10", "11", "12"])
  }

  @Test func `hooks are delivered byte for byte, with nothing of the controller's`() async throws {
    let scene = try AgentScene(Shell.all[0])
    let command = "printf '%s|' \"a'b\\\"c\" $#\ncat; env | grep -c -i nonce\nprintf 'end\\n\\n'"
    let replies = try await scene.replies(scene.request(generation: 1, hooks: hooks(deploy: command)))
    #expect(replies.outputs == ["a'b\"c|0|0\nend\n\n"])
  }
}
