import Foundation
import Testing
import ThrowawayFleet

/// Issuing as an operator meets it, against a real Pebble.
@Suite(.serialized) struct IssuingTests {
  @Test func `killed at any step, a rerun ends with one certificate`() async throws {
    let steps = [
      "account.key-kept", "account.registered", "order.before", "order.made", "order.kept", "proof.presented",
      "proof.answered", "finalize.before", "finalize.sent", "certificate.downloaded", "certificate.issued",
      "certificate.kept",
    ]
    let scene = try await IssuingScene(.init(authorizationReuse: 0))
    for (number, step) in steps.enumerated() {
      let name = "c\(number).example"
      try await scene.declare(
        [scene.certificate(name)], issuer: number < 2 ? ", contact: 'mailto:a@b.example'" : "")
      if number < 2 { _ = try await scene.database("DELETE FROM account") }
      try await scene.expect(137, "cert", "issue", name, environment: ["CERTFLEET_FAILPOINT": step])
      try await scene.expect(0, "cert", "issue", name)
      #expect(scene.ca.certificatesIssued == number + 1, "after \(step)")
      #expect(try await scene.expect(0, "cert", "issue", name).stdout == "nothing to do\n")
      #expect(try await scene.database("SELECT COUNT(*) FROM presented") == "0")
    }
    #expect(try await scene.database("SELECT MAX(generation), COUNT(*) FROM certificate") == "1|12")
    #expect(try await scene.database("SELECT COUNT(*) FROM acme_order") == "0")
    await scene.stop()
  }

  @Test func `many orders at once, with refused nonces, all come`() async throws {
    for reject in [0, 50] {
      let scene = try await IssuingScene(.init(nonceReject: reject))
      try await scene.declare((1...30).map { scene.certificate("c\($0).example") })
      try await scene.expect(0, "run")
      #expect(try await scene.database("SELECT COUNT(*) FROM certificate") == "30")
      #expect(scene.ca.certificatesIssued == 30)
      await scene.stop()
    }
  }

  @Test func `every nonce refused ends in that reason, and is not tried again at once`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 100))
    try await scene.declare([scene.certificate("a.example")])
    let first = try await scene.expect(1, "run")
    #expect(first.stderr.contains("badNonce"))
    let second = try await scene.expect(1, "run")
    #expect(second.stderr.contains("a.example: not tried before 20"))
    #expect(second.stderr.contains("to try now: certfleet cert issue a.example"))
    await scene.stop()
  }

  @Test func `dry runs touch neither the CA nor the state, and a rehearsal keeps nothing`() async throws {
    let scene = try await IssuingScene()
    try await scene.declare([scene.certificate("a.example")], issuer: ", staging: '\(scene.ca.directory)'")
    for arguments in [["run", "--dry-run"], ["cert", "issue", "a.example", "--dry-run"], ["plan"]] {
      let result = try await Program.run(
        CertfleetProgram.path, arguments, environment: scene.certfleet.environment)
      #expect(result.stdout.contains("a.example: a new certificate is to be ordered (there is none yet)"))
    }
    #expect(try await scene.database("SELECT COUNT(*) FROM account") == "0")
    let rehearsed = try await scene.expect(0, "cert", "issue", "--staging", "a.example")
    #expect(rehearsed.stderr.contains("the rehearsal went well; nothing of it is kept"))
    #expect(try await scene.database("SELECT COUNT(*) FROM certificate") == "0")
    #expect(scene.ca.certificatesIssued == 1)
    await scene.stop()
  }

  @Test func `what changes in the declaration is issued anew, and else nothing`() async throws {
    let scene = try await IssuingScene()
    let (old, new) = (
      scene.certificate("a.example"), scene.certificate("a.example", ", key: {type: 'rsa-2048'}")
    )
    try await scene.declare([old])
    #expect(try await !scene.expect(0, "run").stderr.contains("nothing to do"))
    #expect(try await scene.expect(0, "run").stderr.contains("nothing to do"))
    try await scene.declare([new])
    #expect(try await scene.expect(0, "plan").stdout.contains("its key type has changed: "))
    try await scene.expect(0, "run")
    #expect(try await scene.expect(0, "plan").stdout == "nothing to do\n")
    #expect(scene.ca.certificatesIssued == 2)
    await scene.stop()
  }

  @Test func `a kept key stays, and another is made without that`() async throws {
    let scene = try await IssuingScene()
    try await scene.declare([
      scene.certificate("a.example", ", key: {reuse: true}"), scene.certificate("b.example"),
    ])
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "a.example", "b.example")
    for (name, isSame) in [("a.example", true), ("b.example", false)] {
      var keys: Set<String> = []
      for generation in ["1", "2"] {
        let folder = scene.scratch.path + "/out-\(name)-\(generation)"
        try await scene.expect(0, "cert", "export", name, folder, "--generation", generation)
        keys.insert(Files.read(folder + "/privkey.pem"))
      }
      #expect((keys.count == 1) == isSame, "\(name)")
    }
    await scene.stop()
  }

  @Test func `a strict CA with long chains that uses authorizations again is served too`() async throws {
    var temper = PebbleCA.Temper(nonceReject: 20, authorizationReuse: 100)
    temper.isStrict = true
    temper.chainLength = 3
    let scene = try await IssuingScene(temper)
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    // Proven already: nobody listens any more, and the certificate comes all the same.
    try await scene.declare([
      "{name: 'a.example', domains: ['a.example'], issuer: 'ca', challenge: {type: 'http-01', listen: '192.0.2.1:80'}}"
    ])
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(scene.ca.certificatesIssued == 2)
    await scene.stop()
  }

  @Test func `what was mended in the declaration is tried at once`() async throws {
    let scene = try await IssuingScene()
    let silent =
      "{name: 'a', domains: ['a.example'], issuer: 'ca', challenge: {type: 'http-01', auth_hook: 'true'}}"
    try await scene.declare([silent])
    #expect(try await scene.expect(1, "run").stderr.contains("http-01 failed"))
    #expect(try await scene.expect(1, "run").stderr.contains("not tried before"))
    #expect(
      try await scene.expect(0, "cert", "show", "a").stdout.contains("1 time: a.example: http-01 failed"))
    try await scene.declare(["{name: 'a', domains: ['a.example'], issuer: 'ca', \(scene.challenge)}"])
    try await scene.expect(0, "run")
    await scene.stop()
  }

  @Test func `bought files are taken in, checked again when they change`() async throws {
    let scene = try await IssuingScene()
    func make(_ name: String, days: Int = 90) async throws {
      try await Program.succeed(
        try Program.find("openssl"),
        [
          "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", String(days), "-subj", "/CN=\(name)",
          "-addext",
          "subjectAltName=DNS:\(name)", "-keyout", scene.scratch.path + "/key.pem", "-out",
          scene.scratch.path + "/cert.pem",
        ])
      chmod(scene.scratch.path + "/key.pem", 0o600)
    }
    try await make("a.example")
    try await scene.declare(
      [
        "{name: 'a', domains: ['a.example'], issuer: 'bought', certificate: 'cert.pem', private_key: 'key.pem'}"
      ],
      issuers: ", {name: 'bought', type: 'files'}")
    #expect(try await scene.expect(0, "plan").stdout.contains("is to be taken in (there is none yet)"))
    try await scene.expect(0, "run")
    try await make("b.example")
    #expect(
      try await scene.expect(1, "run").stderr.contains("the certificate lacks a.example; it is for b.example")
    )
    try await scene.expect(65, "apply", scene.scratch.path + "/fleet.json5")
    try await make("a.example")
    try await scene.expect(0, "run")
    #expect(try await scene.database("SELECT MAX(generation) FROM certificate") == "2")
    #expect(try await scene.expect(0, "cert", "list").stdout.contains("by its issuer"))
    await scene.stop()
  }
}
