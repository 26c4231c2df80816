import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// A host where certbot has a certificate: taken over, and given back.
@Suite struct CertbotHostTests {
  @Test(arguments: Shell.all)
  func `certbot's place is ours, and certbot's again with what we had brought`(shell: Shell) async throws {
    let scene = try CertbotHost(shell)
    let live = try scene.listing("live/x")
    #expect(try await scene.bring(1).end == .end(.ok, text: ""))
    #expect(scene.serves == "1" && scene.link == "../archive/x/1")
    #expect(scene.seen == ["deploy deploy 1"])
    #expect(!scene.exists("renewal/x.conf") && scene.exists("renewal/y.conf"))
    #expect(try scene.listing(".certfleet/certbot/x/live") == live)
    #expect(try await scene.bring(2).end == .end(.ok, text: ""))
    // Whose key it was was told from certbot's.
    #expect(scene.mode("archive/x/2/privkey.pem") == 0o640)

    let given = try await scene.giveBack()
    #expect(given.end == .end(.ok, text: ""), "\(given)")
    #expect(scene.link == nil && scene.serves == "2")
    #expect(try scene.target("live/x/privkey.pem") == "../../archive/x/privkey4.pem")
    #expect(Files.read(scene.base + "/renewal/x.conf") == "of x\n" && scene.exists("live/x/README"))
    #expect(scene.mode("archive/x/privkey4.pem") == 0o640 && scene.mode("archive/x/cert4.pem") == 0o644)
    #expect(!scene.exists(".certfleet/certbot/x") && !scene.exists(".certfleet/keys/x"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scene.base + "/archive/x").allSatisfy {
        $0.hasSuffix("3.pem") || $0.hasSuffix("4.pem")
      })
    // And once more.
    #expect(try await scene.bring(3).end == .end(.ok, text: ""))
    #expect(scene.serves == "3")
  }

  @Test(arguments: Shell.all)
  func `where anything fails all of it is as it was`(shell: Shell) async throws {
    let scene = try CertbotHost(shell)
    let before = try scene.everything()
    for (hook, end) in [
      ("pre", AgentReply.end(.failedClean, text: "a pre hook failed")),
      ("deploy", .end(.rolledBack, text: "deploy hook of x failed")),
    ] {
      let failed = try await scene.bring(1, breaking: hook)
      #expect(failed.end == end, "\(failed)")
      #expect(try scene.everything() == before)
    }
    #expect(scene.serves == "certbot")
    _ = try await scene.bring(1)
    let taken = try scene.everything()
    let failed = try await scene.giveBack(breaking: "deploy")
    #expect(failed.end == .end(.rolledBack, text: "deploy hook of x failed"), "\(failed)")
    #expect(try scene.everything() == taken && scene.serves == "1")
  }

  @Test func `what is not as certbot makes it is left alone, and told before anything is begun`() async throws
  {
    func told(
      _ change: (CertbotHost) async throws -> Void, takes: Bool = true
    ) async throws -> String {
      let scene = try CertbotHost(Shell.all[0])
      try await change(scene)
      let before = try scene.everything()
      let replies = try await scene.bring(1, takes: takes)
      guard case .end(.failedClean, let text) = replies.end else { return "\(replies)" }
      #expect(!replies.steps.contains { !$0.hasPrefix("preflight") }, "\(replies.steps)")
      #expect(try scene.everything() == before)
      return text
    }
    let more = try await told { try Files.write($0.base + "/live/x/haproxy.pem", "somebody's\n") }
    #expect(more.contains("certbot did not put these in") && more.contains(": haproxy.pem;"), "\(more)")
    let bare = try await told { try FileManager.default.removeItem(atPath: $0.base + "/renewal/x.conf") }
    #expect(
      bare.contains("live/x is a folder, and there is no ") && bare.contains("renewal/x.conf"), "\(bare)")
    let file = try await told {
      try FileManager.default.removeItem(atPath: $0.base + "/live/x/cert.pem")
      try Files.write($0.base + "/live/x/cert.pem", "a copy\n")
    }
    #expect(file.contains("live/x/cert.pem does not lead to ../../archive/x"), "\(file)")
    let mixed = try await told {
      try FileManager.default.removeItem(atPath: $0.base + "/live/x/privkey.pem")
      try Files.write($0.base + "/archive/x/privkey2.pem", "an older key\n")
      try FileManager.default.createSymbolicLink(
        atPath: $0.base + "/live/x/privkey.pem", withDestinationPath: "../../archive/x/privkey2.pem")
    }
    #expect(mixed.contains("(it leads to ../../archive/x/privkey2.pem)"), "\(mixed)")
    let untold = try CertbotHost(Shell.all[0])
    for replies in [try await untold.bring(1, takes: false), try await untold.check(takes: false)] {
      guard case .end(.failedClean, let text) = replies.end,
        text.contains("live/x is not a link that certfleet made") && text.contains("take_over: 'certbot'")
      else {
        Issue.record("\(replies)")
        return
      }
    }
    let before = try untold.everything()
    #expect(try await untold.check(takes: true).end == .end(.ok, text: ""))
    #expect(try untold.everything() == before)
    // A stale file of the lock says nothing.
    let scene = try CertbotHost(Shell.all[0])
    try Files.write(scene.base + "/.certbot.lock", "")
    #expect(try await scene.bring(1).end == .end(.ok, text: ""))
    let never = try CertbotHost(Shell.all[0], certbot: false)
    _ = try await never.bring(1)
    let given = try await never.giveBack()
    guard case .end(.failedClean, let text) = given.end, text.contains("it was not taken over here") else {
      Issue.record("\(given)")
      return
    }
    #expect(never.serves == "1")
  }

  @Test func `an installed agent takes over what its configuration says`() throws {
    let host = Host(name: "web1", address: "a", base: "/etc/letsencrypt", takeOver: .certbot)
    let visit = PlannedVisit(
      host: host,
      certificates: [
        PlannedCertificate(
          lineage: "x", generation: Generation(1), fingerprint: "f", domains: ["x.example"], hooks: Hooks(),
          verify: [])
      ])
    let lines = AgentPermissions(for: visit, destinations: [], webroots: [], keyTypes: []).lines
    #expect(lines == ["base /etc/letsencrypt", "certificate x", "certbot x"])
  }

  @Test func `while certbot is at work nothing is taken over`() async throws {
    let scene = try CertbotHost(Shell.all[0])
    let lock = scene.base + "/.certbot.lock"
    let certbot = try Running(
      try Program.find("python3"),
      [
        "-c",
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); open(sys.argv[1] + 'ed', 'w'); time.sleep(60)",
        lock,
      ], stdout: nil, stderr: nil)
    try await eventually("the lock") { FileManager.default.fileExists(atPath: lock + "ed") }
    let replies = try await scene.bring(1)
    guard case .end(.failedClean, let text) = replies.end, text.contains("certbot is at work") else {
      Issue.record("\(replies)")
      return
    }
    #expect(scene.serves == "certbot" && scene.exists("renewal/x.conf"))
    await certbot.stop()
  }

  @Test(arguments: ["python3", "perl"])
  func `each command that exchanges them does`(only: String) async throws {
    let scene = try CertbotHost(Shell.all[0])
    let programs = scene.scratch.path + "/programs"
    try Files.makeFolder(programs)
    for folder in ["/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names where name == only || !["python3", "perl", "exch"].contains(name) {
        try? FileManager.default.createSymbolicLink(
          atPath: programs + "/" + name, withDestinationPath: folder + "/" + name)
      }
    }
    let replies = try await scene.bring(1, programs: programs)
    #expect(replies.end == .end(.ok, text: ""), "\(replies)")
    #expect(scene.link == "../archive/x/1")
  }

  enum Direction: String, CaseIterable { case taking, failing, giving }

  @Test(arguments: Direction.allCases)
  func `killed wherever the disk has changed, one of them is there and whole, and the next visit ends right`(
    direction: Direction
  ) async throws {
    let template = try CertbotHost(KillPoints.tracer)
    if direction == .giving { _ = try await template.bring(1) }
    let points = try await KillPoints {
      let traced = try template.copy()
      return (traced.scratch.path, { _ = try await traced.killed(direction, $0) })
    }
    try #require(points.all.count > 30)
    try await points.forEach { try await template.copy().checkKilled(direction, at: $0) }
  }
}

/// A folder as certbot leaves it, with another certificate beside the one that is taken over.
private struct CertbotHost: Sendable {
  let scratch: ScratchFolder
  let shell: Shell
  var base: String { scratch.path + "/letsencrypt" }

  init(_ shell: Shell, certbot: Bool = true) throws {
    self.shell = shell
    scratch = try ScratchFolder()
    for folder in ["live", "archive", "renewal"] { try Files.makeFolder("\(base)/\(folder)") }
    for name in ["x", "y"] where certbot {
      for folder in ["live", "archive"] {
        try Files.makeFolder("\(base)/\(folder)/\(name)")
        chmod("\(base)/\(folder)/\(name)", 0o755)
      }
      for kind in Self.kinds {
        try Files.write("\(base)/archive/\(name)/\(kind)3.pem", "\(kind).pem certbot\n", mode: 0o644)
        try FileManager.default.createSymbolicLink(
          atPath: "\(base)/live/\(name)/\(kind).pem",
          withDestinationPath: "../../archive/\(name)/\(kind)3.pem")
      }
      chmod("\(base)/archive/\(name)/privkey3.pem", 0o640)
      try Files.write("\(base)/live/\(name)/README", "of certbot's\n")
      try Files.write("\(base)/renewal/\(name).conf", "of \(name)\n")
    }
  }

  static let kinds = ["cert", "chain", "fullchain", "privkey"]

  func copy() throws -> CertbotHost {
    let copy = try CertbotHost(shell, certbot: false)
    try FileManager.default.removeItem(atPath: copy.base)
    try FileManager.default.copyItem(atPath: base, toPath: copy.base)
    // Links of ours to certbot's files name the whole path.
    for kind in Self.kinds where exists("archive/x/0/\(kind).pem") {
      let link = copy.base + "/archive/x/0/\(kind).pem"
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
      try FileManager.default.removeItem(atPath: link)
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: target.replacing(base, with: copy.base))
    }
    return copy
  }

  private func request(_ generation: Int, _ cause: PlannedCertificate.Cause?, takes: Bool, breaking: String?)
    -> AgentRequest
  {
    func hook(_ moment: String) -> Hook {
      Hook(
        command:
          "echo \(moment) $CERTFLEET_ACTION $(sed -n 's/fullchain.pem //p' \(base)/live/x/fullchain.pem) >>\(scratch.path)/seen; [ \(breaking == moment) = false ] || [ $CERTFLEET_ACTION = rollback ]"
      )
    }
    var certificate = PlannedCertificate(
      lineage: "x", generation: Generation(generation), fingerprint: "f", domains: ["x.example"],
      hooks: Hooks(pre: breaking == "pre" ? [hook("pre")] : [], deploy: [hook("deploy")]), verify: [])
    certificate.cause = cause
    let files = Self.kinds.map { kind in
      AgentRequest.File(
        lineage: "x", name: kind + ".pem", mode: kind == "privkey" ? "0600" : "0644",
        content: Array("\(kind).pem \(generation)\n".utf8))
    }
    return AgentRequest(
      nonce: "n0nce", token: VisitToken(UUID().uuidString), epoch: 1, rollout: Rollout.ID(1), wave: 1,
      visit: PlannedVisit(
        host: Host(name: "web1", address: "a", base: base, takeOver: takes ? .certbot : nil),
        certificates: [certificate]),
      materials: .init(files: cause == nil ? files : []), confirmTimeout: .zero)
  }

  private func run(
    _ request: AgentRequest, _ prelude: String = "", by shell: Shell? = nil, programs: String? = nil
  )
    async throws -> (status: Int32, replies: [AgentReply])
  {
    let text = String(decoding: request.bytes(now: Date()), as: UTF8.self)
      .replacing("\ncertfleet_main ", with: "\n\(prelude)certfleet_main ")
      // The agent adds the usual folders to its path.
      .replacing(
        ":/usr/local/sbin:/usr/sbin:/sbin", with: programs == nil ? ":/usr/local/sbin:/usr/sbin:/sbin" : "")
    let result = try await (shell ?? self.shell).run(Array(text.utf8), home: scratch.path, path: programs)
    var parser = ReplyParser(nonce: "n0nce")
    return (result.status, try parser.consume(Array(result.stdout.utf8)))
  }

  func bring(
    _ generation: Int, breaking: String? = nil, takes: Bool = true, programs: String? = nil,
    by shell: Shell? = nil
  ) async throws -> [AgentReply] {
    try await run(
      request(generation, nil, takes: takes, breaking: breaking), by: shell, programs: programs
    ).replies
  }

  func check(takes: Bool) async throws -> [AgentReply] {
    let bytes = request(1, nil, takes: takes, breaking: nil).check(now: Date())
    let result = try await shell.run(bytes, home: scratch.path)
    var parser = ReplyParser(nonce: "n0nce")
    return try parser.consume(Array(result.stdout.utf8))
  }

  func giveBack(breaking: String? = nil, by shell: Shell? = nil) async throws -> [AgentReply] {
    try await run(request(0, .givenBack, takes: true, breaking: breaking), by: shell).replies
  }

  func killed(_ direction: CertbotHostTests.Direction, _ prelude: String) async throws -> Int32 {
    let request =
      switch direction {
      case .taking: request(1, nil, takes: true, breaking: nil)
      case .failing: request(1, nil, takes: true, breaking: "deploy")
      case .giving: request(0, .givenBack, takes: true, breaking: nil)
      }
    return try await run(request, prelude).status
  }

  /// - Returns: whether that line was reached so often.
  func checkKilled(_ direction: CertbotHostTests.Direction, at place: KillPoints.Point) async throws -> Bool {
    let status = try await killed(direction, place.prelude)
    if status == 0 { return false }
    let point: Comment = "\(place)"
    try #require(status == 128 + SIGKILL, point)
    try await eventually("one of them, killed at \(point)") { serves != nil }
    let next =
      direction == .giving
      ? try await giveBack(by: Shell.all[0]) : try await bring(1, by: Shell.all[0])
    // What had been given back by then is not there to be given back.
    let isGiven = direction == .giving && link == nil
    #expect(next.end == .end(.ok, text: "") || isGiven, "\(place): \(next)")
    #expect(serves == "1" && (link == nil) == (direction == .giving), point)
    #expect(exists("renewal/x.conf") == (direction == .giving), point)
    #expect(!exists(".certfleet/certbot/x") == (direction == .giving), point)
    return true
  }

  /// Whose pair is there, where it is whole: `certbot`, `1` …
  var serves: String? {
    let found = Self.kinds.map { kind in
      Files.read("\(base)/live/x/\(kind).pem").dropFirst(kind.count + 5).dropLast()
    }
    return Set(found).count == 1 && !found[0].isEmpty ? String(found[0]) : nil
  }

  var link: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: base + "/live/x") }
  var seen: [String] { Files.read(scratch.path + "/seen").split(separator: "\n").map(String.init) }

  func exists(_ name: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: base + "/" + name)) != nil
  }
  func target(_ name: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: base + "/" + name)
  }
  func mode(_ name: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: base + "/" + name)
    return (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
  }

  /// Names, with what they lead to or have.
  func listing(_ folder: String) throws -> [String: String] {
    let path = base + "/" + folder
    return Dictionary(
      uniqueKeysWithValues: try FileManager.default.contentsOfDirectory(atPath: path).map { name in
        (name, (try? target(folder + "/" + name)) ?? Files.read(path + "/" + name))
      })
  }

  func everything() throws -> [String: [String: String]] {
    let folders = ["live", "live/x", "archive/x", "renewal"]
    return Dictionary(uniqueKeysWithValues: try folders.map { ($0, try listing($0)) })
  }
}
