import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Files outside certbot's layout: where they go, whose they are, and how they go back.
@Suite struct DestinationTests {
  private func place(
    _ path: String, _ parts: [String] = ["fullchain.pem", "privkey.pem"], mode: String = "0640",
    owner: String? = nil, group: String? = nil, allowance: FileInstallation.Allowance? = nil
  ) -> AgentRequest.Destination {
    .init(
      lineage: "x", parts: parts, path: path, mode: mode, owner: owner, group: group, allowance: allowance)
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
      "is a symbolic link; name what it points to, or say allow", "could replace \(paths[1]); mend its mode",
      "\(paths[2]) is not a file", "/none is not a folder on the host; make it first",
    ]
    #expect(problems.count == 4 && zip(problems, expected).allSatisfy { $0.contains($1) }, "\(problems)")
    #expect(scene.live == nil && Files.read(own + "/real.pem") == "before\n")
    let allowed = try await scene.replies(
      scene.request(
        generation: 1, token: "again",
        destinations: [place(paths[0], allowance: .symlink), place(paths[1], allowance: .shared)]))
    #expect(allowed.end == .end(.ok, text: ""), "\(allowed.steps)")
    #expect(Files.read(own + "/real.pem") == "fullchain.pem 1\nprivkey.pem 1\n")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: paths[0]) == own + "/real.pem"
        && Files.read(paths[1]) == "fullchain.pem 1\nprivkey.pem 1\n")
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
    try await Mounted.tmpfs(at: disk, "size=16k") {
      try Files.write(disk + "/filler", String(repeating: "x", count: 12 << 10))
      let large = AgentRequest.File(
        lineage: "x", name: "large", mode: "0600", content: Array(repeating: 65, count: 9 << 10))
      let full = try await scene.replies(
        scene.request(
          generation: 2, token: "full", more: [large], destinations: [place(disk + "/x.pem", ["large"])]))
      #expect(full.steps.last?.hasPrefix("stage ") == true, "\(full.steps)")
      guard case .end(.failedClean, let why) = full.end else { throw Program.Failed("\(full)") }
      #expect(why.lowercased().contains("no space left"), "\(why)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["filler"])
      #expect(scene.live == "1" && scene.generations == ["1"])
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

private enum Mounted {
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
