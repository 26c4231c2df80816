import Foundation
import Testing
import ThrowawayFleet

@Suite(.serialized) struct AccountTests {
  @Test func `an account that the CA has given out is bound, and without it the CA is not asked`()
    async throws
  {
    var temper = PebbleCA.Temper()
    temper.externalAccounts = ["kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"]
    let scene = try await IssuingScene(temper)
    try await scene.declare([scene.certificate("a.example")])
    let refused = try await scene.expect(1, "run")
    #expect(refused.stderr.contains("set eab_kid and eab_hmac_key_file"))
    try scene.scratch.write("eab.key", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n")
    try await scene.declare(
      [scene.certificate("a.example")], issuer: ", eab_kid: 'kid-1', eab_hmac_key_file: 'eab.key'")
    try await scene.expect(0, "cert", "issue", "a.example")
    await scene.stop()
  }

  @Test func `a changed contact is told, and the key changes even when the answer is lost`() async throws {
    let scene = try await IssuingScene()
    try await scene.declare([scene.certificate("a.example")], issuer: ", contact: 'mailto:a@b.example'")
    try await scene.expect(0, "run")
    let account = try await scene.database("SELECT url FROM account")
    try await scene.declare([scene.certificate("a.example")], issuer: ", contact: 'mailto:c@d.example'")
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(try await scene.database("SELECT contact FROM account") == "[\"mailto:c@d.example\"]")

    func key() async throws -> String { try await scene.database("SELECT hex(key) FROM account") }
    let old = try await key()
    try await scene.expect(0, "account", "rollover", "ca")
    let new = try await key()
    #expect(old != new)
    try await scene.expect(
      137, "account", "rollover", "ca", environment: ["CERTFLEET_FAILPOINT": "account.key-changed"])
    #expect(try await key() == new)
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(try await key() != new)
    #expect(try await scene.database("SELECT url, next_key IS NULL FROM account") == "\(account)|1")
    await scene.stop()
  }

  @Test func `a key that the CA never took is forgotten`() async throws {
    let scene = try await IssuingScene { request, forward in
      request.path.contains("rollover") ? .problem(403, "unauthorized") : try forward()
    }
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    try await scene.expect(1, "account", "rollover", "ca")
    #expect(try await scene.database("SELECT next_key IS NULL FROM account") == "0")
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(try await scene.database("SELECT next_key IS NULL FROM account") == "1")
    await scene.stop()
  }

  @Test func `a deactivated account stops everything of that CA, and says how to go on`() async throws {
    let scene = try await IssuingScene()
    let names = (1...20).map { "c\($0).example" }
    try await scene.declare(names.map { scene.certificate($0) })
    try await scene.expect(0, "account", "register", "ca")
    _ = try await scene.database("CREATE TABLE old AS SELECT * FROM account")
    try await scene.expect(0, "account", "deactivate", "ca")
    _ = try await scene.database("INSERT INTO account SELECT * FROM old; DROP TABLE old")
    let refused = try await scene.expect(1, "run")
    #expect(refused.stderr.contains("certfleet account register ca"))
    #expect(scene.ca.certificatesIssued == 0)
    try await scene.expect(0, "account", "register", "ca")
    try await scene.expect(0, "run", "--only", names.joined(separator: ","))
    #expect(scene.ca.certificatesIssued == 20)
    await scene.stop()
  }

  @Test(arguments: ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
  func `certificates are revoked by the account and by their own keys`(type: String) async throws {
    let scene = try await IssuingScene()
    let names = ["a.example", "b.example"]
    try await scene.declare(names.map { scene.certificate($0, ", key: {type: '\(type)', reuse: true}") })
    try await scene.expect(0, "run")
    try await scene.expect(64, "cert", "revoke", "a.example", "--reason", "because")
    #expect(
      try await scene.expect(0, "cert", "revoke", "a.example", "--dry-run").stdout.contains(
        "would be revoked"))
    try await scene.expect(0, "cert", "revoke", "a.example", "--reason", "superseded")
    try await scene.expect(0, "cert", "revoke", "b.example", "--reason", "keycompromise", "--by-key")
    try await scene.expect(65, "cert", "revoke", "a.example")
    #expect(
      try await scene.expect(0, "plan").stdout.contains(
        "a.example: a new certificate is to be ordered (the newest is revoked)"))
    try await scene.expect(0, "run")
    // A key that may be known to others is not used again, whatever was declared.
    let keys = try await scene.database(
      "SELECT COUNT(DISTINCT json_extract(facts, '$.fingerprint')) FROM certificate")
    #expect(keys == "4")
    #expect(try await scene.expect(0, "cert", "show", "b.example").stdout.contains("revoked"))
    await scene.stop()
  }

  @Test func `terms that have changed stop the CA and say where they are`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      guard request.path == "/order-plz" else { return try forward() }
      return .init(
        403, [("Content-Type", "application/problem+json")],
        """
        {"type": "urn:ietf:params:acme:error:userActionRequired", "detail": "the terms have changed",
          "instance": "https://ca.example/terms"}
        """)
    }
    try await scene.declare((1...30).map { scene.certificate("c\($0).example") }, issuer: ", parallel: 2")
    let stopped = try await scene.expect(1, "run").stderr
    #expect(stopped.contains("the terms have changed (userActionRequired, see https://ca.example/terms)"))
    // Those under way were refused; nobody else asked.
    #expect(try #require(scene.proxy).requests("/order-plz").count <= 3)
    await scene.stop()
  }
}
