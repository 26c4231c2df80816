import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Storage

/// The same stores on each database.
enum TestedDatabase: CaseIterable, Sendable {
  case sqlite
  #if PostgreSQL
    case postgreSQL
  #endif
}

/// A state of its own.
struct StoreScene {
  let scratch: ScratchFolder
  let home: StateDirectory
  let store: Store
  private let server: PostgreSQLServer?

  init(_ database: TestedDatabase) async throws {
    scratch = try ScratchFolder()
    var location = DatabaseLocation.file
    server = database == .sqlite ? nil : try await PostgreSQLServer()
    if let server { location = try DatabaseLocation(try await server.makeDatabase()) }
    home = try StateDirectory(path: scratch.path + "/state", database: location)
    store = try Store(home: home)
  }

  /// All that the database has on the disk.
  func files() async throws -> [String] {
    guard let server else { return [home.databasePath] }
    try await server.run("CHECKPOINT")
    let base = server.folder + "/db"
    return try FileManager.default.subpathsOfDirectory(atPath: base).map { base + "/" + $0 }.filter {
      (try? FileManager.default.attributesOfItem(atPath: $0)[.type] as? FileAttributeType) == .typeRegular
    }
  }

  /// What somebody does behind the controller's back; what protects the log is another matter.
  func tamper(_ sql: String, isProtected: Bool = false) async throws -> Program.Result {
    if case .postgreSQL(let address) = home.location {
      let release = isProtected ? "" : "ALTER TABLE event DISABLE TRIGGER USER; "
      return try await Program.run(
        try Program.find("psql"), [address.description, "-qX", "-v", "ON_ERROR_STOP=1", "-c", release + sql])
    }
    let release = isProtected ? "" : "DROP TRIGGER event_is_never_changed; "
    return try await Program.run(try Program.find("sqlite3"), [home.databasePath, release + sql])
  }
}

/// What stores are filled with.
extension StoreScene {
  static func declaration() throws -> FleetDeclaration {
    FleetDeclaration(
      hosts: [Host(name: "web1", address: "a"), Host(name: "web2", address: "b")],
      lineages: [
        Lineage(
          name: "c", domains: ["x.example"], issuer: "ca",
          deployments: [Deployment(selector: try Selector("*"), rollout: nil, hooks: Hooks(), verify: [])])
      ])
  }

  func selfSigned(_ key: PrivateKey) async throws -> CertificateChain {
    try scratch.write("key", try key.pem().reveal())
    return try CertificateChain(
      pem: try await Program.succeed(
        try Program.find("openssl"),
        [
          "req", "-x509", "-new", "-key", scratch.path + "/key", "-days", "10", "-subj", "/CN=x", "-addext",
          "subjectAltName=DNS:x.example",
        ]))
  }

  func visit(
    _ certificate: Certificate, ending: VisitEnd, rollout number: Int, now: Date
  ) async throws {
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

  /// A little of everything that is kept for long.
  func fill(_ now: Date) async throws {
    _ = try await store.apply(try Self.declaration(), prune: false, dryRun: false, now: now)
    _ = try await store.pin(
      ["web1": [HostKey(type: "ssh-ed25519", encoded: "AAAA", fingerprint: "SHA256:x")]], now: now)
    let key = try PrivateKey.generate(.ecdsaP256)
    let certificate = try await store.add(try await selfSigned(key), key: .held(key), to: "c", now: now)
    try await visit(certificate, ending: .ok, rollout: 1, now: now)
    _ = try await store.beginEpoch(now: now)
  }
}

@Suite struct StoreTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func apply(
    _ declared: FleetDeclaration, to store: Store, prune: Bool = false, dryRun: Bool = false
  ) async throws -> Store.Changes {
    try await store.apply(declared, prune: prune, dryRun: dryRun, now: now)
  }

  @Test(arguments: TestedDatabase.allCases)
  func `applying twice changes nothing, and a dry run never does`(_ database: TestedDatabase) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
    #expect(try await apply(StoreScene.declaration(), to: store, dryRun: true).added.count == 3)
    #expect(try await store.hosts().isEmpty)
    #expect(
      try await apply(StoreScene.declaration(), to: store).added == [
        "host web1", "host web2", "certificate c",
      ])
    #expect(try await apply(StoreScene.declaration(), to: store).isEmpty)
    var changed = try StoreScene.declaration()
    changed.hosts = [Host(name: "web1", address: "z")]
    #expect(try await apply(changed, to: store).changed == ["host web1"])
    #expect(try await store.hosts().map(\.name) == ["web1", "web2"])
    #expect(try await apply(changed, to: store, prune: true).removed == ["host web2"])
    #expect(try await store.hosts().map(\.name) == ["web1"])
  }

  @Test(arguments: TestedDatabase.allCases)
  func `the log is a chain that shows an altered event`(_ database: TestedDatabase) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
    _ = try await apply(StoreScene.declaration(), to: store)
    for number in 1...5 {
      try await store.record(Event(at: now, subject: .init(), kind: .note(.applied, text: "\(number)")))
    }
    #expect(try await store.verifyLog() == .init(count: 6))
    #expect(try await scene.tamper("UPDATE event SET at = at + 1 WHERE number = 4").status == 0)
    #expect(try await store.verifyLog() == .init(count: 3, firstAltered: 4))
  }

  @Test(arguments: TestedDatabase.allCases)
  func `a ledger follows what another connection records, and a refused event takes no other with it`(
    _ database: TestedDatabase
  ) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
    let plan = Plan(
      policy: RolloutPolicy(
        name: "p", waves: [], parallel: 1, maxFailed: .count(0), maxUnreachable: .count(0)),
      waves: [PlannedWave([PlannedVisit(host: Host(name: "web1", address: "a"), certificates: [])])])
    let id = try await store.plan(plan, now: now)
    let other = try Store(home: scene.home)
    func event(_ kind: Event.Kind, wave: Int? = nil) -> Event {
      Event(at: now, subject: .init(rollout: id, wave: wave), kind: kind)
    }
    try await store.record(event(.rolloutStarted))
    #expect(try await other.read(id) { $0.state } == .running)
    try await other.record(event(.waveStarted(hosts: 1), wave: 1))
    #expect(try await store.read(id) { $0.waves[0].state } == .running)
    // It may not begin twice, whoever began it; what arrives with it is kept.
    let (note, again) = (
      event(.note(.overridden, text: "beside")), event(.waveStarted(hosts: 1), wave: 1)
    )
    let refused = Task { try await store.record(again) }
    let kept = Task { try await store.record(note) }
    await #expect(throws: RolloutLedger.Refused.self) { try await refused.value }
    try await kept.value
    #expect(try await store.events(.init(rollout: id)).last?.event == note)
    #expect(try await store.verifyLog().firstAltered == nil)
  }

  @Test(arguments: TestedDatabase.allCases)
  func `a plan is read as it was stored, and what its hosts have in common is stored once`(
    _ database: TestedDatabase
  ) async throws {
    let scene = try await StoreScene(database)
    let certificate = PlannedCertificate(
      lineage: "c", generation: Generation(2), fingerprint: "f", domains: ["x.example"],
      hooks: Hooks(deploy: [Hook(command: "@nginx")]), verify: [])
    func visit(_ number: Int, _ certificate: PlannedCertificate) -> PlannedVisit {
      PlannedVisit(
        host: Host(
          name: Host.Name("web\(number)"), address: "10.0.0.\(number)", labels: ["rack": "r\(number % 2)"]),
        certificates: [certificate], wasUnreachable: number == 3)
    }
    var other = certificate
    other.cause = .forced
    let first = PlannedWave([visit(1, certificate)], by: WaveRule(take: .count(1), bake: .seconds(60)))
    let plan = Plan(
      policy: .standard,
      waves: [first, PlannedWave((2...40).map { visit($0, certificate) } + [visit(41, other)])])
    let id = try await scene.store.plan(plan, now: now)
    let rollout = try await scene.store.rollout(id)
    #expect(rollout.plan == plan)
    let again = try await scene.store.plan(plan, now: now)
    #expect(try await scene.store.rollout(again).planHash == rollout.planHash)
    var changed = plan
    changed.waves[1].visits[7].host.address = "10.0.1.7"
    let third = try await scene.store.plan(changed, now: now)
    #expect(try await scene.store.rollout(third).planHash != rollout.planHash)
    // Hosts of two racks, and two kinds of certificates.
    #expect(try await scene.store.countOfParts(of: id) == 4)
  }

  @Test(arguments: TestedDatabase.allCases)
  func `events cannot be changed or removed`(_ database: TestedDatabase) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
    _ = try await apply(StoreScene.declaration(), to: store)
    for sql in ["UPDATE event SET at = 0", "DELETE FROM event"] {
      #expect(try await scene.tamper(sql, isProtected: true).stderr.contains("events are never"))
    }
  }

  @Test(arguments: TestedDatabase.allCases)
  func `many events at once are all kept, in order for each sender`(_ database: TestedDatabase) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
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

  @Test(arguments: TestedDatabase.allCases)
  func `keys rest sealed, and an order is kept until its certificate is stored`(_ database: TestedDatabase)
    async throws
  {
    let scene = try await StoreScene(database)
    let store = scene.store
    let key = try PrivateKey.generate(.ecdsaP256)
    let url = try #require(URL(string: "https://ca.example/order/1"))
    let order = PendingCertificate(url: url, names: ["x.example"], key: .held(key))
    try await store.keep(order, of: "c", at: "d", now: now)
    let kept = try #require(try await store.pendingCertificate(of: "c", at: "d"))
    #expect(try held(kept.key) == key.pem())
    #expect(try await store.pendingCertificate(of: "c", at: "another CA") == nil)
    let certificate = try await scene.selfSigned(key)
    let origin = Certificate.Origin(directory: "d", account: "a")
    let facts = try await store.add(certificate, key: .held(key), to: "c", origin: origin, now: now)
    #expect(facts.generation == Generation(1) && facts.keyType == .ecdsaP256)
    #expect(try await store.pendingCertificate(of: "c", at: "d") == nil)
    #expect(try held(try await store.material(of: "c", Generation(1)).key) == key.pem())
    #expect(try await store.newestCertificates()["c"] == facts)
    let secret = try key.pem().reveal().split(separator: "\n")[1]
    let folders = try await scene.files()
    #expect(!folders.isEmpty)
    for path in folders {
      #expect(try Data(contentsOf: URL(filePath: path)).range(of: Data(secret.utf8)) == nil)
    }
  }

  private func held(_ key: CertificateKey) throws -> Secret? {
    guard case .held(let key) = key else { return nil }
    return try key.pem()
  }

  @Test(arguments: TestedDatabase.allCases)
  func `a host has what its visits brought and kept`(_ database: TestedDatabase) async throws {
    let scene = try await StoreScene(database)
    let store = scene.store
    _ = try await apply(StoreScene.declaration(), to: store)
    let key = try PrivateKey.generate(.ecdsaP256)
    let chain = try await scene.selfSigned(key)
    let first = try await store.add(chain, key: .held(key), to: "c", now: now)
    try await scene.visit(first, ending: .ok, rollout: 1, now: now)
    #expect(try await store.keptCertificates()["web1"]?["c"] == first)
    #expect(try await store.add(chain, key: .held(key), to: "c", now: now) == first)
    let second = try await store.add(try await scene.selfSigned(key), key: .held(key), to: "c", now: now)
    try await scene.visit(second, ending: .rolledBack, rollout: 2, now: now)
    var status = try #require(try await store.statuses().first { $0.host == "web1" })
    #expect(
      status.active == Generation(1) && status.wanted == Generation(2) && status.lastEnd == .rolledBack)
    #expect(!status.isConverged)
    try await scene.visit(second, ending: .degraded, rollout: 3, now: now)
    status = try #require(try await store.statuses().first { $0.host == "web1" })
    #expect(status.active == Generation(2) && status.isConverged)
    #expect(try await store.keptCertificates()["web1"]?["c"] == second)
  }
}

extension Store {
  fileprivate func countOfParts(of id: Rollout.ID) throws -> Int? {
    try database.rows("SELECT count(*) FROM plan_part WHERE rollout = ?", [.integer(id.number)]) {
      $0.integer(0)
    }.first
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
