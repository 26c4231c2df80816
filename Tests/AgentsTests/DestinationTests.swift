import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Files outside certbot's layout: where they go, whose they are, and how they go back.
@Suite struct DestinationTests {
  private func place(
    _ path: String, _ parts: [String] = ["fullchain.pem", "privkey.pem"], mode: String = "0640",
    owner: String? = nil, group: String? = nil, allowances: [FileInstallation.Allowance] = []
  ) -> AgentRequest.Destination {
    .init(
      lineage: "x", parts: parts, path: path, mode: mode, owner: owner, group: group, allowances: allowances)
  }

  @Test(arguments: Shell.all)
  func `files come, are replaced, and go back together`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let (one, two) = (try scene.folder("one"), try scene.folder("a folder, 'two'"))
    // Bytes that no shell variable can hold.
    let binary = AgentRequest.File(
      lineage: "x", name: "store.p12", mode: "0600", content: [0, 255, 10, 0, 10, 39, 37])
    func visit(_ generation: Int, deploy: String = "true") async throws -> [AgentReply] {
      try await scene.replies(
        scene.request(
          generation: generation, hooks: Hooks(deploy: [Hook(command: deploy)]),
          token: VisitToken("\(generation)\(deploy.count)"), more: [binary],
          destinations: [
            place(one + "/both.pem"), place(one + "/tls.crt", ["fullchain.pem"], mode: "0644"),
            place(two + "/store.p12", ["store.p12"], mode: "0600"),
          ]))
    }
    let first = try await visit(1, deploy: "[ $CERTFLEET_ACTION = rollback ]")
    #expect(first.end == .end(.rolledBack, text: "deploy hook of x failed"), "\(first.steps)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: one).isEmpty)
    for generation in 1...2 {
      #expect(try await visit(generation).end == .end(.ok, text: ""))
      #expect(Files.read(one + "/both.pem") == "fullchain.pem \(generation)\nprivkey.pem \(generation)\n")
      #expect(Files.read(one + "/tls.crt") == "fullchain.pem \(generation)\n")
    }
    #expect(FileManager.default.contents(atPath: two + "/store.p12").map(Array.init) == binary.content)
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(one + "/both.pem") == 0o640 && mode(one + "/tls.crt") == 0o644)
    let seen = scene.scratch.path + "/seen"
    let third = try await visit(
      3, deploy: "cat '\(one)/tls.crt' >>\(seen); [ $CERTFLEET_ACTION = rollback ]")
    #expect(third.end == .end(.rolledBack, text: "deploy hook of x failed"))
    #expect(Files.read(seen) == "fullchain.pem 3\nfullchain.pem 2\n")
    #expect(Files.read(one + "/both.pem") == "fullchain.pem 2\nprivkey.pem 2\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: one).sorted() == ["both.pem", "tls.crt"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: two) == ["store.p12"])
  }

  @Test(arguments: Shell.all)
  func `a place that others could turn against the host is refused unless it is allowed`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let (own, shared) = (try scene.folder("own"), try scene.folder("shared"))
    chmod(shared, 0o777)
    try Files.write(own + "/real.pem", "before\n")
    try FileManager.default.createSymbolicLink(
      atPath: own + "/link.pem", withDestinationPath: own + "/real.pem")
    try Files.makeFolder(own + "/folder.pem")
    let paths = [
      own + "/link.pem", shared + "/x.pem", own + "/folder.pem", scene.scratch.path + "/none/x.pem",
    ]
    let refused = try await scene.replies(
      scene.request(generation: 1, destinations: paths.map { place($0) }))
    let problems = refused.steps
    let expected = [
      "is a symbolic link; name what it points to, or say allow",
      "\(paths[1]): \(shared) can be written by others (drwxrwxrwx ",
      "\(paths[2]) is not a file", "/none is not a folder on the host; make it first",
    ]
    #expect(problems.count == 4 && zip(problems, expected).allSatisfy { $0.contains($1) }, "\(problems)")
    #expect(scene.live == nil && Files.read(own + "/real.pem") == "before\n")
    let allowed = try await scene.replies(
      scene.request(
        generation: 1, token: "again",
        destinations: [place(paths[0], allowances: [.symlink]), place(paths[1], allowances: [.shared])]))
    #expect(allowed.end == .end(.ok, text: ""), "\(allowed.steps)")
    #expect(Files.read(own + "/real.pem") == "fullchain.pem 1\nprivkey.pem 1\n")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: paths[0]) == own + "/real.pem"
        && Files.read(paths[1]) == "fullchain.pem 1\nprivkey.pem 1\n")
  }

  @Test(arguments: Shell.all)
  func `a file that was there before certfleet is served again when its first visit fails`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let folder = try scene.folder("tls")
    try Files.write(folder + "/x.pem", "somebody's\n")
    let deploy = "cat '\(folder)/x.pem' >>~/served; [ $CERTFLEET_ACTION = rollback ]"
    func visit(_ token: VisitToken) async throws -> AgentReply? {
      try await scene.replies(
        scene.request(
          generation: 1, hooks: Hooks(deploy: [Hook(command: deploy)]), token: token,
          destinations: [place(folder + "/x.pem", ["cert.pem"])])
      ).end
    }
    #expect(try await visit("a") == .end(.rolledBack, text: "deploy hook of x failed"))
    #expect(Files.read(scene.scratch.path + "/served") == "cert.pem 1\nsomebody's\n")
    #expect(Files.read(folder + "/x.pem") == "somebody's\n" && scene.live == nil)
    // The same generation, and only the file is new: what was put back was changed, and is looked at.
    _ = try await scene.replies(scene.request(generation: 1, token: "b"))
    #expect(try await visit("c") == .end(.rolledBack, text: "deploy hook of x failed"))
    #expect(Files.read(folder + "/x.pem") == "somebody's\n" && scene.live == "1")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give a folder away"), arguments: Shell.all)
  func `a link that somebody else could turn is not followed, nor one that leads nowhere`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let (theirs, ours) = (try scene.folder("theirs"), try scene.folder("ours"))
    try Files.write(ours + "/target", "before\n")
    symlink(ours + "/target", theirs + "/x.pem")
    symlink("../theirs/x.pem", ours + "/two.pem")
    symlink(ours + "/none/at/all", ours + "/dangling.pem")
    chown(theirs, 1, 1)
    for path in [theirs + "/x.pem", ours + "/two.pem", ours + "/dangling.pem"] {
      let refused = try await scene.replies(
        scene.request(generation: 1, destinations: [place(path, allowances: [.symlink])]))
      let reason =
        path.hasSuffix("dangling.pem")
        ? "\(path) is a symbolic link that leads nowhere"
        : "/theirs belongs to daemon (drwxr-xr-x daemon daemon), who could put something else there"
      #expect(refused.steps.count == 1 && refused.steps[0].contains(reason), "\(refused.steps)")
    }
    #expect(Files.read(ours + "/target") == "before\n")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give files away"), arguments: Shell.all)
  func `an owner and a group are given before anybody can see the file`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let folder = try scene.folder("tls")
    let visit = try await scene.replies(
      scene.request(
        generation: 1,
        destinations: [
          place(folder + "/a", owner: "daemon", group: "www-data"), place(folder + "/b", group: "www-data"),
          place(folder + "/c", owner: "daemon"),
        ]))
    #expect(visit.end == .end(.ok, text: ""))
    let owners = try ["a", "b", "c"].map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      return "\(attributes[.ownerAccountName] ?? "?"):\(attributes[.groupOwnerAccountName] ?? "?")"
    }
    #expect(owners == ["daemon:www-data", "root:www-data", "daemon:root"])
    let unknown = try await scene.replies(
      scene.request(generation: 2, destinations: [place(folder + "/a", owner: "nobody-here")]))
    #expect(
      unknown.steps == ["preflight there is no user 'nobody-here' on the host, who is to own \(folder)/a"])
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to mount small disks"), arguments: Shell.all)
  func `a full or read-only disk changes nothing, and the next visit goes on`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    #expect(try await scene.replies(scene.request(generation: 1)).end == .end(.ok, text: ""))
    let disk = try scene.folder("disk")
    try await Mounted.tmpfs(at: disk, "size=1100k") {
      let large = AgentRequest.File(
        lineage: "x", name: "large", mode: "0600", content: Array(repeating: 65, count: 1200 << 10))
      let full = try await scene.replies(
        scene.request(
          generation: 2, token: "full", more: [large], destinations: [place(disk + "/x.pem", ["large"])]))
      #expect(full.steps.last?.hasPrefix("stage ") == true, "\(full.steps)")
      guard case .end(.failedClean, let why) = full.end else { throw Program.Failed("\(full)") }
      #expect(why.lowercased().contains("no space left"), "\(why)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty)
      #expect(scene.live == "1" && scene.generations == ["1"])
    }
    try await Mounted.tmpfs(at: disk, "size=400k") {
      let small = try await scene.replies(
        scene.request(generation: 2, token: "disk", destinations: [place(disk + "/x.pem", ["cert.pem"])]))
      #expect(
        small.steps.first?.contains("KiB are free at \(disk), 1024 are needed") == true, "\(small.steps)")
    }
    try await Mounted.tmpfs(at: scene.base, "size=400k") {
      let small = try await scene.replies(scene.request(generation: 1, token: "small"))
      #expect(small.steps.first?.contains("KiB are free at \(scene.base), 1024 are needed") == true)
    }
    try await Mounted.tmpfs(at: scene.base, "size=2m") {
      #expect(try await scene.replies(scene.request(generation: 1, token: "fits")).end == .end(.ok, text: ""))
      let filling = "dd if=/dev/zero of=\(scene.base)/filler bs=4096 2>/dev/null; true"
      let filled = try await scene.replies(
        scene.request(generation: 2, hooks: Hooks(pre: [Hook(command: filling)]), token: "filling"))
      // What the journal's last block still holds may be enough.
      if filled.end == .end(.ok, text: "") {
        #expect(scene.live == "2")
      } else {
        let why = "\(scene.base)/.certfleet/journal cannot be written; is the disk full?"
        #expect(filled.end == .end(.failedClean, text: why) && scene.live == "1")
      }
      try FileManager.default.removeItem(atPath: scene.base + "/filler")
      #expect(try await scene.replies(scene.request(generation: 2, token: "free")).end == .end(.ok, text: ""))
      #expect(scene.live == "2")
    }
    try await Mounted.readOnly(scene.base) {
      let readOnly = try await scene.replies(scene.request(generation: 3))
      #expect(readOnly.steps.first?.contains("read-only") == true)
    }
  }
}

enum Mounted {
  static func tmpfs(at folder: String, _ options: String, _ body: () async throws -> Void) async throws {
    try await mount(["-t", "tmpfs", "-o", "mode=755,\(options)", "tmpfs", folder])
    try await unmounting(folder, body)
  }

  static func readOnly(_ folder: String, _ body: () async throws -> Void) async throws {
    try await mount(["--bind", folder, folder])
    try await unmounting(folder) {
      try await mount(["-o", "remount,ro,bind", folder])
      try await body()
    }
  }

  private static func mount(_ arguments: [String]) async throws {
    try await Program.succeed(try Program.find("mount"), arguments)
  }

  private static func unmounting(_ folder: String, _ body: () async throws -> Void) async throws {
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    // At once, though the agent's clock may still be in its last second.
    try await Program.succeed(try Program.find("umount"), ["-l", folder])
    try result.get()
  }
}
