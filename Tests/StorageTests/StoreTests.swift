import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Storage

@Suite struct StoreTests {
  private let scratch: ScratchFolder
  private let home: StateDirectory
  private let store: Store
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  init() throws {
    scratch = try ScratchFolder()
    home = try StateDirectory(path: scratch.path + "/state")
    store = try Store(home: home)
  }

  private func declaration() throws -> FleetDeclaration {
    FleetDeclaration(
      hosts: [Host(name: "web1", address: "a"), Host(name: "web2", address: "b")],
      lineages: [
        Lineage(
          name: "c", domains: ["x.example"], issuer: "ca",
          deployments: [Deployment(selector: try Selector("*"), rollout: nil, hooks: Hooks(), verify: [])])
      ])
  }

  private func apply(_ declared: FleetDeclaration, prune: Bool = false, dryRun: Bool = false) async throws
    -> Store.Changes
  {
    try await store.apply(declared, prune: prune, dryRun: dryRun, now: now)
  }

  @Test func `applying twice changes nothing, and a dry run never does`() async throws {
    #expect(try await apply(declaration(), dryRun: true).added.count == 3)
    #expect(try await store.hosts().isEmpty)
    #expect(try await apply(declaration()).added == ["host web1", "host web2", "certificate c"])
    #expect(try await apply(declaration()).isEmpty)
    var changed = try declaration()
    changed.hosts = [Host(name: "web1", address: "z")]
    #expect(try await apply(changed).changed == ["host web1"])
    #expect(try await store.hosts().map(\.name) == ["web1", "web2"])
    #expect(try await apply(changed, prune: true).removed == ["host web2"])
    #expect(try await store.hosts().map(\.name) == ["web1"])
  }

  @Test func `the log is a chain that shows an altered event`() async throws {
    _ = try await apply(declaration())
    for number in 1...5 {
      try await store.record(Event(at: now, subject: .init(), kind: .note(.applied, text: "\(number)")))
    }
    #expect(try await store.verifyLog() == .init(count: 6))
    try await Program.succeed(
      try Program.find("sqlite3"),
      [home.databasePath, "DROP TRIGGER event_is_never_changed; UPDATE event SET at = at + 1 WHERE id = 4"])
    #expect(try await store.verifyLog() == .init(count: 3, firstAltered: 4))
  }

  @Test func `a ledger follows what another connection records, and a refused event takes no other with it`()
    async throws
  {
    let plan = Plan(
      policy: RolloutPolicy(
        name: "p", waves: [], parallel: 1, maxFailed: .count(0), maxUnreachable: .count(0)),
      waves: [PlannedWave([PlannedVisit(host: Host(name: "web1", address: "a"), certificates: [])])])
    let id = try await store.plan(plan, now: now)
    let other = try Store(home: home)
    func event(_ kind: Event.Kind, wave: Int? = nil) -> Event {
      Event(at: now, subject: .init(rollout: id, wave: wave), kind: kind)
    }
    try await store.record(event(.rolloutStarted))
    #expect(try await other.read(id) { $0.state } == .running)
    try await other.record(event(.waveStarted(hosts: 1), wave: 1))
    #expect(try await store.read(id) { $0.waves[0].state } == .running)
    // It may not begin twice, whoever began it; what arrives with it is kept.
    let (store, note, again) = (
      store, event(.note(.overridden, text: "beside")), event(.waveStarted(hosts: 1), wave: 1)
    )
    let refused = Task { try await store.record(again) }
    let kept = Task { try await store.record(note) }
    await #expect(throws: RolloutLedger.Refused.self) { try await refused.value }
    try await kept.value
    #expect(try await store.events(.init(rollout: id)).last?.event == note)
    #expect(try await store.verifyLog().firstAltered == nil)
  }

  @Test func `events cannot be changed or removed`() async throws {
    _ = try await apply(declaration())
    let sqlite = try Program.find("sqlite3")
    for sql in ["UPDATE event SET at = 0", "DELETE FROM event"] {
      #expect(try await Program.run(sqlite, [home.databasePath, sql]).stderr.contains("events are never"))
    }
  }

  @Test func `many events at once are all kept, in order for each sender`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for sender in 0..<20 {
        group.addTask {
          for number in 0..<10 {
            try await store.record(
              Event(
                at: now, subject: .init(host: Host.Name("h\(sender)")),
                kind: .note(.applied, text: "\(number)")))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await store.verifyLog() == .init(count: 200))
    let texts = try await store.events(.init(host: "h7")).map(\.event.kind)
    #expect(texts == (0..<10).map { .note(.applied, text: "\($0)") })
  }

  @Test func `keys rest sealed, and an order is kept until its certificate is stored`() async throws {
    let key = try PrivateKey.generate(.ecdsaP256)
    let url = try #require(URL(string: "https://ca.example/order/1"))
    let order = PendingCertificate(url: url, names: ["x.example"], key: .held(key))
    try await store.keep(order, of: "c", at: "d", now: now)
    let kept = try #require(try await store.pendingCertificate(of: "c", at: "d"))
    #expect(try held(kept.key) == key.pem())
    #expect(try await store.pendingCertificate(of: "c", at: "another CA") == nil)
    let certificate = try await selfSigned(key)
    let origin = Certificate.Origin(directory: "d", account: "a")
    let facts = try await store.add(certificate, key: .held(key), to: "c", origin: origin, now: now)
    #expect(facts.generation == Generation(1) && facts.keyType == .ecdsaP256)
    #expect(try await store.pendingCertificate(of: "c", at: "d") == nil)
    #expect(try held(try await store.material(of: "c", Generation(1)).key) == key.pem())
    #expect(try await store.newestCertificates()["c"] == facts)
    let secret = try key.pem().reveal().split(separator: "\n")[1]
    let bytes = try Data(contentsOf: URL(filePath: home.databasePath))
    #expect(bytes.range(of: Data(secret.utf8)) == nil)
  }

  private func held(_ key: CertificateKey) throws -> Secret? {
    guard case .held(let key) = key else { return nil }
    return try key.pem()
  }

  private func selfSigned(_ key: PrivateKey) async throws -> CertificateChain {
    try scratch.write("key", try key.pem().reveal())
    return try CertificateChain(
      pem: try await Program.succeed(
        try Program.find("openssl"),
        [
          "req", "-x509", "-new", "-key", scratch.path + "/key", "-days", "10", "-subj", "/CN=x", "-addext",
          "subjectAltName=DNS:x.example",
        ]))
  }

  @Test func `a host has what its visits brought and kept`() async throws {
    _ = try await apply(declaration())
    let key = try PrivateKey.generate(.ecdsaP256)
    let chain = try await selfSigned(key)
    let first = try await store.add(chain, key: .held(key), to: "c", now: now)
    try await visit(first, ending: .ok, rollout: 1)
    #expect(try await store.keptCertificates()["web1"]?["c"] == first)
    #expect(try await store.add(chain, key: .held(key), to: "c", now: now) == first)
    let second = try await store.add(try await selfSigned(key), key: .held(key), to: "c", now: now)
    try await visit(second, ending: .rolledBack, rollout: 2)
    var status = try #require(try await store.statuses().first { $0.host == "web1" })
    #expect(
      status.active == Generation(1) && status.wanted == Generation(2) && status.lastEnd == .rolledBack)
    #expect(!status.isConverged)
    try await visit(second, ending: .degraded, rollout: 3)
    status = try #require(try await store.statuses().first { $0.host == "web1" })
    #expect(status.active == Generation(2) && status.isConverged)
    #expect(try await store.keptCertificates()["web1"]?["c"] == second)
  }

  private func visit(_ certificate: Certificate, ending: VisitEnd, rollout number: Int) async throws {
    let planned = PlannedCertificate(
      lineage: "c", generation: certificate.generation, fingerprint: certificate.fingerprint, domains: [],
      hooks: Hooks(),
      verify: [])
    let plan = Plan(
      policy: .standard,
      waves: [PlannedWave([PlannedVisit(host: Host(name: "web1", address: "a"), certificates: [planned])])])
    let id = try await store.plan(plan, now: now)
    let rollout = Event.Subject(rollout: id)
    try await store.record(Event(at: now, subject: rollout, kind: .rolloutStarted))
    try await store.record(
      Event(at: now, subject: .init(rollout: id, wave: 1), kind: .waveStarted(hosts: 1)))
    #expect(id == Rollout.ID(number))
    let subject = Event.Subject(rollout: id, wave: 1, host: "web1", attempt: 1)
    let steps = [Step.stage, .activate].map {
      Event.Kind.step(StepResult(step: $0, lineage: "c", outcome: .succeeded))
    }
    for kind in [.visitStarted("token")] + steps + [.visitEnded(ending, reason: "")] {
      try await store.record(Event(at: now, subject: subject, kind: kind))
    }
    try await store.record(
      Event(at: now, subject: rollout, kind: .rolloutEnded(.partial, reason: "")))
  }
}

@Suite struct HomeTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  @Test func `a folder or file that others can use is refused with the command that mends it`() throws {
    let path = scratch.path + "/state"
    _ = try Store(home: try StateDirectory(path: path))
    chmod(path + "/certfleet.db", 0o640)
    #expect { try StateDirectory(path: path) } throws: {
      "\($0)".contains("run: chmod 600 \(path)/certfleet.db")
    }
    chmod(path + "/certfleet.db", 0o600)
    chmod(path, 0o755)
    #expect { try StateDirectory(path: path) } throws: { "\($0)".contains("run: chmod 700 \(path)") }
  }

  @Test func `a database of a newer certfleet is refused`() async throws {
    let home = try StateDirectory(path: scratch.path + "/state")
    _ = try Store(home: home)
    try await Program.succeed(try Program.find("sqlite3"), [home.databasePath, "PRAGMA user_version = 99"])
    #expect { try Store(home: home) } throws: { "\($0)".contains("written by a newer certfleet") }
  }

  @Test func `a lost sealing key is not replaced by a new one`() throws {
    let home = try StateDirectory(path: scratch.path + "/state")
    _ = try Store(home: home)
    try FileManager.default.removeItem(atPath: home.path + "/sealing.key")
    #expect { try Store(home: home) } throws: { "\($0)".contains("restore it from a backup") }
  }

  @Test func `a damaged database is named as damaged`() throws {
    let home = try StateDirectory(path: scratch.path + "/state")
    _ = try Store(home: home)
    try Files.write(home.databasePath, String(repeating: "garbage ", count: 1000))
    #expect { try Store(home: home) } throws: { "\($0)".contains("is damaged") }
  }

  @Test func `one controller at a time, and the other learns who it is`() throws {
    let home = try StateDirectory(path: scratch.path + "/state")
    var lease: ControllerLease? = try ControllerLease(home: home, now: Date(timeIntervalSince1970: 0))
    #expect { try ControllerLease(home: home, now: Date()) } throws: {
      "\($0)".contains("process \(getpid())") && "\($0)".contains("since 1970-01-01T00:00:00Z")
    }
    withExtendedLifetime(lease) {}
    lease = nil
    _ = try ControllerLease(home: home, now: Date())
  }
}
