import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Storage

@Suite struct MigrationTests {
  @Test func `what version 1 declared, ordered and issued is there afterwards`() async throws {
    let scratch = try ScratchFolder()
    let home = try StateDirectory(path: scratch.path + "/state")
    let sealing = try home.sealingKey(isNew: true)
    let key = try PrivateKey.generate(.ecdsaP256)
    func sealed(_ identity: String) throws -> String {
      try sealing.seal(try key.pem(), for: identity).hexadecimal
    }
    let issuer =
      #"{"agreesToTerms":true,"contact":["mailto:a@b.example"],"directory":"https://ca/","name":"ca"}"#
    let lineage =
      #"{"challenge":{"http01":{"listen":{"address":"0.0.0.0","port":8080}}},"deployments":[],"domains":["x.example"],"issuer":"ca","key":"rsa-2048","name":"c"}"#
    let facts =
      #"{"fingerprint":"f","generation":1,"issuedAt":1,"lineage":"c","names":["x.example"],"notAfter":9,"notBefore":1,"serial":"1"}"#
    // One connection at a time: it is closed when it goes out of use.
    try Self.writeVersion1(
      home,
      """
      INSERT INTO issuer VALUES ('ca', '\(issuer)');
      INSERT INTO lineage VALUES ('c', '\(lineage)');
      INSERT INTO account (issuer, directory, url, key)
        VALUES ('ca', 'https://ca/', 'https://ca/1', x'\(try sealed("account key of issuer ca at https://ca/"))');
      INSERT INTO acme_order VALUES ('c', 'https://ca/', 'https://ca/o', '["x.example"]',
        x'\(try sealed("private key of the order for certificate c"))', 5);
      INSERT INTO certificate VALUES ('c', 1, '\(facts)', '',
        x'\(try sealed("private key of certificate c, generation 1"))');
      """)
    let store = try Store(home: home)
    let declared = try await store.declaration()
    #expect(
      declared.issuers == [
        Issuer(
          name: "ca", source: .acme(ACMEAuthority(directory: "https://ca/", contact: ["mailto:a@b.example"])))
      ])
    #expect(
      declared.lineages == [
        Lineage(
          name: "c", domains: ["x.example"], issuer: "ca", key: KeyPolicy(type: .rsa2048),
          challenge: .http01(.listener(ListenAddress(address: "0.0.0.0", port: 8080))))
      ])
    #expect(try await store.account(of: "ca", at: "https://ca/").url?.absoluteString == "https://ca/1")
    let order = try #require(try await store.pendingCertificate(of: "c", at: "https://ca/"))
    #expect(order.names == ["x.example"])
    let newest = try #require(try await store.newestCertificates()["c"])
    #expect(newest.generation == Generation(1) && newest.origin == nil && newest.revokedAt == nil)
  }

  @Test func `rollouts of an earlier version are listed, reported and gone on with`() async throws {
    let scratch = try ScratchFolder()
    let home = try StateDirectory(path: scratch.path + "/state")
    _ = try home.sealingKey(isNew: true)
    func visit(_ host: String) -> String {
      #"{"host":{"name":"\#(host)","address":"a","port":22,"become":false,"base":"/b","labels":{}},"certificates":[{"lineage":"c","generation":1,"fingerprint":"f","domains":[],"hooks":{"pre":[],"deploy":[],"post":[]},"verify":[],"replaces":"old"}]}"#
    }
    let policy = #"{"name":"p","waves":[1,"rest"],"parallel":20,"maxFailed":0,"maxUnreachable":"10%"}"#
    let plan = #"{"policy":\#(policy),"waves":[[\#(visit("web1"))],[\#(visit("web2"))]]}"#
    try Self.writeVersion1(
      home,
      """
      INSERT INTO rollout (plan, plan_hash, state, started_at) VALUES ('\(plan)', 'h', 'running', 5);
      INSERT INTO wave VALUES (1, 1, 'passed', ''), (1, 2, 'running', '');
      INSERT INTO visit VALUES (1, 'web1', 1, 1, 't1', 'ok', '', 5, 6), (1, 'web2', 2, 1, 't2', NULL, '', 7, NULL);
      """)
    let store = try Store(home: home)
    let listed = try #require(try await store.rollouts().first)
    #expect(listed.policy == "p" && listed.hosts == 2 && listed.waves == 2 && listed.certificates == ["c"])
    let open = try await store.openRollouts()
    #expect(open.map(\.id) == [Rollout.ID(1)])
    let certificate = open[0].plan.visits[0].certificates[0]
    #expect(certificate.replaces?.fingerprint == "old" && open[0].plan.visits[0].back(at: Date()) == nil)
    let ledger = try await store.ledger(of: Rollout.ID(1))
    #expect(ledger.state == .running && ledger.waves.map(\.state) == [.passed, .running])
    #expect(ledger.visits["web1"]?.end == .ok && ledger.visits["web2"]?.token == "t2")
  }

  private static func writeVersion1(_ home: StateDirectory, _ rows: String) throws {
    let database = try SQLiteConnection(path: home.databasePath)
    try database.execute(Migrations.all[0])
    try database.execute("PRAGMA user_version = 1")
    try database.execute(rows)
    chmod(home.databasePath, 0o600)
  }
}

#if PostgreSQL
  @Suite struct SharedMigrationTests {
    @Test func `a schema is not changed under controllers that are at work, and is when they have ended`()
      async throws
    {
      let scratch = try ScratchFolder()
      let server = try await PostgreSQLServer()
      let address = try await server.makeDatabase()
      let home = try StateDirectory(path: scratch.path + "/state", database: try DatabaseLocation(address))
      let store = try Store(home: home)
      let session = try await store.join(name: "oslo", sites: [], process: "", takesPart: true)
      // As the version before has it.
      try await server.run(
        "DROP TABLE plan_part, planned_visit, site_task; UPDATE schema_version SET version = 1", in: address)
      let refused = #expect(throws: Migrations.OthersAtWork.self) { try Store(home: home) }
      #expect(refused?.description.contains("oslo (certfleet \(Product.version))") == true)
      try await store.leave(session)
      let upgraded = try Store(home: home)
      #expect(try await upgraded.rollouts().isEmpty)
      #expect(try await server.run("SELECT version FROM schema_version", in: address).hasPrefix("3"))
    }
  }

  @Suite struct MoveToServerTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test func `a state is there whole, its file is marked, and what differs is refused`() async throws {
      let scene = try await StoreScene(.sqlite)
      let server = try await PostgreSQLServer()
      let address = try PostgreSQLAddress(try await server.makeDatabase())
      try await scene.fill(now)
      let before = try await Contents(scene.store)

      let moved = try StateTransfer(from: scene.home, to: address).run(now: now)
      #expect(
        moved.rows["host"] == 2 && moved.rows["certificate"] == 1 && moved.events == before.events.count)
      #expect { try Store(home: scene.home) } throws: { "\($0)".contains("was moved to \(address)") }
      let home = try StateDirectory(path: scene.home.path, database: .postgreSQL(address))
      let store = try Store(home: home)
      #expect(try await Contents(store) == before)
      #expect(try await store.verifyLog() == .init(count: before.events.count))
      // What comes after it is numbered on, in a chain of its own.
      _ = try await store.plan(Plan(policy: .standard, waves: []), now: now)
      try await store.record(Event(at: now, subject: .init(), kind: .note(.applied, text: "here")))
      #expect(try await store.rollouts().map(\.id.number) == [2, 1])
      #expect(try await store.events().last?.id == before.events.count + 1)
      #expect(try await store.verifyLog() == .init(count: before.events.count + 1))
      // Another one does not go over it.
      let other = try await StoreScene(.sqlite)
      try await other.fill(now)
      #expect { try StateTransfer(from: other.home, to: address).run(now: now) } throws: {
        "\($0)".contains("another state") || "\($0)".contains("sealing.key")
      }
      #expect(try await other.store.hosts().count == 2)
    }

    @Test func `a log that is gone with its seal is missed by those of the other controllers`() async throws {
      let scene = try await StoreScene(.postgreSQL)
      let other = scene.scratch.path + "/other"
      try FileManager.default.createDirectory(
        atPath: other, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try FileManager.default.copyItem(atPath: scene.home.sealingKeyPath, toPath: other + "/sealing.key")
      let second = try Store(home: try StateDirectory(path: other, database: scene.home.location))
      for store in [scene.store, second] {
        try await store.record(Event(at: now, subject: .init(), kind: .note(.applied, text: "x")))
      }
      try await scene.store.tieLogs(now: now)
      try await scene.store.tieLogs(now: now)
      #expect(try await scene.store.verifyLog() == .init(count: 3))
      let chain = await second.chain
      #expect(
        try await scene.tamper(
          "DELETE FROM event WHERE chain = '\(chain)'; DELETE FROM seal WHERE name LIKE '%\(chain)'"
        )
        .status == 0)
      #expect(try await scene.store.verifyLog().cutOff == LogCutOff(recorded: 1, found: 0))
    }

    @Test func `stopped before the file was marked, the next one only marks it`() async throws {
      let scene = try await StoreScene(.sqlite)
      let server = try await PostgreSQLServer()
      let address = try PostgreSQLAddress(try await server.makeDatabase())
      try await scene.fill(now)
      _ = try StateTransfer(from: scene.home, to: address).run(now: now)
      try await Program.succeed(
        try Program.find("sqlite3"), [scene.home.databasePath, "DELETE FROM setting WHERE name = 'moved'"])
      _ = try StateTransfer(from: scene.home, to: address).run(now: now)
      #expect(throws: Moved.self) { try Store(home: scene.home) }
    }

    /// What a state says, of all kinds.
    private struct Contents: Equatable {
      let declared: FleetDeclaration
      let certificates: [Lineage.Name: Certificate]
      let statuses: [HostCertificateStatus]
      let events: [Event]
      let identity: ControllerIdentity
      let plan: Plan

      init(_ store: Store) async throws {
        declared = try await store.declaration()
        certificates = try await store.newestCertificates()
        statuses = try await store.statuses()
        events = try await store.events().map(\.event)
        identity = try await store.identity()
        plan = try await store.rollout(Rollout.ID(1)).plan
      }
    }
  }
#endif
