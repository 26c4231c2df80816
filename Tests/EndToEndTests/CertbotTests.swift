import Foundation
import Testing
import ThrowawayFleet

/// A real certbot, issuing from the same Pebble. Nothing here is refused its nonce: certbot tries once more, and ends at the second.
@Suite(.serialized) struct CertbotTests {
  @Test func `a certbot is adopted, and hands its renewals over truthfully`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0))
    let certbot = Certbot(in: scene.scratch.path, scene.ca)
    try await certbot.issue("a.example", "--deploy-hook", "systemctl reload \"nginx\"", "--pre-hook", "true")
    try await certbot.issue("b.example")
    let hook = certbot.folder + "/renewal-hooks/deploy/10-tell"
    try Files.write(hook, "#!/bin/sh\n", mode: 0o755)
    try Files.write(hook + "~", "#!/bin/sh\n", mode: 0o755)

    let result = try await scene.expect(0, "cert", "adopt", "--from", certbot.folder, "--dry-run")
    let (shown, inventory) = (result.stderr, result.stdout)
    #expect(shown.contains("deploy: systemctl reload \"nginx\"") && shown.contains("pre: true"))
    #expect(shown.contains("deploy hook for all, on this machine: \(hook)\n") && !shown.contains("10-tell~"))
    #expect(try await scene.expect(0, "cert", "list").stdout.split(separator: "\n").count == 1)
    try await scene.expect(0, "cert", "adopt", "--from", certbot.folder)
    #expect(
      try await scene.expect(0, "cert", "adopt", "--from", certbot.folder).stderr.contains(
        "0 certificates adopted, 2 known already"))
    #expect(try await scene.expect(0, "cert", "list").stdout.contains("a.example"))
    #expect(try await scene.database("SELECT COUNT(*), MAX(generation) FROM certificate") == "2|1")
    // What is on stdout is an inventory, and can be applied as it is.
    let hosts = try scene.scratch.write("hosts.json5", "{ hosts: [{name: 'web1', labels: {role: 'web'}}] }")
    let adopted = try scene.scratch.write("adopted.json5", inventory)
    try await scene.expect(0, "apply", hosts)
    try await scene.expect(0, "apply", adopted)
    let file = scene.scratch.path + "/written.json5"
    let written = try await scene.expect(0, "cert", "adopt", "--from", certbot.folder, "--write", file)
    #expect(written.stdout.isEmpty && Files.read(file) == inventory)
    try await scene.expect(65, "cert", "adopt", "--from", certbot.folder, "--write", file)

    let handOver = "\(CertfleetProgram.path) hook certbot"
    let renewed = try await certbot.renew(
      "--cert-name", "b.example", "--deploy-hook", handOver,
      environment: scene.certfleet.environment)
    #expect(
      renewed.status == 0 && renewed.everything.contains("generation 2 taken over from certbot"),
      "\(renewed.everything)")
    #expect(
      try await scene.database("SELECT MAX(generation) FROM certificate WHERE lineage = 'b.example'") == "2")
    // A renewal that nobody handed over is found by the next plan.
    _ = try await certbot.renew("--cert-name", "b.example")
    #expect(
      try await scene.expect(0, "plan").stdout.contains(
        "b.example: a new certificate is to be taken in (certbot has renewed it)"))
    await scene.stop()
  }

  @Test func `a hand-over that cannot be made says so and ends so`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0))
    let certbot = Certbot(in: scene.scratch.path, scene.ca)
    try await certbot.issue("a.example")
    try await scene.declare([scene.certificate("other.example")])
    let live = certbot.folder + "/live/a.example"
    let unknown = try await scene.expect(65, "hook", "certbot", environment: ["RENEWED_LINEAGE": live]).stderr
    #expect(unknown.contains("adopt it: certfleet cert adopt --from \(certbot.folder) a.example"))
    #expect(try await scene.expect(65, "hook", "certbot").stderr.contains("RENEWED_LINEAGE is not set"))
    try await scene.expect(0, "cert", "adopt", "a.example", "--from", certbot.folder)
    // certbot shows it to whoever reads, and has no exit status for it.
    let handOver = "\(CertfleetProgram.path) hook certbot"
    let told = try await certbot.renew(
      "--deploy-hook", handOver,
      environment: scene.certfleet.environment.merging(["CERTFLEET_HOME": scene.scratch.path + "/none"]) {
        $1
      })
    #expect(told.status == 0 && told.everything.contains("reported error code 65"), "\(told.everything)")
    let wrong = try await scene.expect(
      65, "hook", "certbot", environment: ["RENEWED_LINEAGE": live, "RENEWED_DOMAINS": "a.example c.example"]
    ).stderr
    #expect(wrong.contains("RENEWED_DOMAINS says a.example c.example"))
    try Files.write(certbot.folder + "/archive/a.example/privkey2.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n")
    #expect(
      try await scene.expect(65, "hook", "certbot", environment: ["RENEWED_LINEAGE": live]).stderr.contains(
        "is damaged or cut off"))
    try await scene.expect(65, "cert", "adopt", "--from", scene.scratch.path)
    let moved = scene.scratch.path + "/moved"
    try FileManager.default.copyItem(atPath: certbot.folder, toPath: moved)
    let other = try await scene.expect(65, "cert", "adopt", "--from", moved).stderr
    #expect(
      other.contains("a certificate of that name is declared already")
        || other.contains("'certbot' is declared already"))
    #expect(
      try await scene.database(
        "SELECT COUNT(*) FROM issuer WHERE name = 'certbot' AND spec LIKE '%/letsencrypt\"%'") == "1")
    await scene.stop()
  }

  @Test func `at once means rolled out when certbot goes on`() async throws {
    let scene = try await Scene(hosts: 2, authority: .init(nonceReject: 0, authorizationReuse: 0))
    let certbot = Certbot(in: scene.scratch.path, scene.fleet.authority)
    try await certbot.issue("one.example")
    let hosts = scene.hosts.map { "{name: '\($0.name)', address: '\($0.address)'}" }.joined(separator: ", ")
    try scene.scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id_ed25519', base: '~/certs'}, hosts: [\(hosts)],
        issuers: [{name: 'certbot', type: 'certbot', path: '\(certbot.folder)', hand_over: 'at-once'}],
        certificates: [{ name: 'one.example', issuer: 'certbot', deploy: [{ to: '*',
          verify: [{tls: 8443, name: 'one.example'}], hooks: { deploy: ['\(LoopbackFleet.reload)'] } }] }] }
      """)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5", "--prune", "--yes")
    let environment = scene.certfleet.environment.merging([
      "RENEWED_LINEAGE": certbot.folder + "/live/one.example"
    ]) { $1 }
    let result = try await Program.run(CertfleetProgram.path, ["hook", "certbot"], environment: environment)
    #expect(result.status == 0, "\(result.everything)")
    #expect(scene.generations() == ["1", "1"])
    let served = try await scene.serials()
    #expect(Set(served).count == 1)
    await scene.fleet.stop()
  }
}
