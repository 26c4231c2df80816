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
    let sealing = try home.sealingKey()
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
    _ = try home.sealingKey()
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
