import Foundation
import Testing
import ThrowawayFleet

/// What issuing needs of the hosts themselves: tokens below their document roots, and keys that they make.
@Suite(.serialized) struct HostIssuingTests {
  private func declare(_ scene: Scene, _ certificate: String, verify: String = "[{tls: 8443}]") async throws {
    let hosts = scene.hosts.map { "{name: '\($0.name)', address: '\($0.address)'}" }.joined(separator: ", ")
    try scene.scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id_ed25519', base: '~/certs'}, hosts: [\(hosts)],
        issuers: [{name: 'pebble', directory: '\(scene.fleet.authority.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [{ name: 'one.example', domains: ['one.example'], issuer: 'pebble', \(certificate),
          deploy: [{ to: '*', rollout: 'p', verify: \(verify),
            hooks: { deploy: ['\(LoopbackFleet.reload)'] } }] }],
        rollouts: [{name: 'p', waves: ['rest'], max_unreachable: 1, max_failed: 1}] }
      """)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
  }

  /// Every host's plain web server, at the port where the CA asks.
  private func webServers(_ scene: Scene, on hosts: [LoopbackFleet.ThrowawayHost]) async throws
    -> [PlainWebServer]
  {
    var servers: [PlainWebServer] = []
    for host in hosts {
      servers.append(
        try await PlainWebServer(
          root: host.home + "/www", in: host.home + "/plain", at: host.address,
          port: scene.fleet.authority.challengePort))
    }
    return servers
  }

  private func tokens(_ host: LoopbackFleet.ThrowawayHost) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: host.home + "/www/.well-known/acme-challenge"))
      ?? []
  }

  @Test func `tokens go to the hosts, are looked at there, and are gone afterwards`() async throws {
    let scene = try await Scene(hosts: 3)
    let servers = try await webServers(scene, on: Array(scene.hosts.prefix(2)))
    try Files.makeFolder(scene.hosts[2].home + "/www")
    try await scene.fleet.authority.resolve("one.example", to: scene.hosts[1].address)
    let port = scene.fleet.authority.challengePort
    try await declare(scene, "challenge: {type: 'http-01', via: 'hosts', webroot: '~/www', port: \(port)}")
    let result = try await scene.expect(0, "run").stderr
    #expect(
      result.contains("the token is not shown by web3: http://\(scene.hosts[2].address):\(port)"), "\(result)"
    )
    #expect(scene.hosts.allSatisfy { tokens($0).isEmpty })
    #expect(FileManager.default.fileExists(atPath: scene.hosts[2].home + "/www/.well-known/acme-challenge"))
    #expect(scene.generations() == ["1", "1", "1"])

    // By hosts of a selector's alone, whoever gets the certificate.
    let by = "challenge: {type: 'http-01', via: 'hosts', webroot: '~/www', port: \(port), to: "
    try await declare(scene, by + "'name:web2'}")
    let chosen = try await scene.expect(0, "cert", "renew", "one.example").stderr
    #expect(!chosen.contains("web3"), "\(chosen)")
    let text = Files.read(scene.scratch.path + "/fleet.json5").replacing("'name:web2'", with: "'role=lb'")
    let none = try await scene.expect(65, "apply", try scene.scratch.write("none.json5", text))
    #expect(
      none.stderr.contains("certificates[0].challenge.to: 'role=lb' picks no host"), "\(none.everything)")
    try await declare(scene, by.replacing(", to: ", with: "") + "}")

    // No host shows it: the CA is not even asked, and nothing stays behind.
    for server in servers { await server.stop() }
    let orders = Files.read(scene.scratch.path + "/pebble/pebble.log").split(separator: "\n").count {
      $0.contains("Pulled a task")
    }
    // Pebble uses an authorization again now and then, even when told to do so in 0 of 100 cases.
    var refused = ""
    for _ in 1...5 where refused.isEmpty {
      let result = try await Program.run(
        CertfleetProgram.path, ["cert", "renew", "one.example"], environment: scene.certfleet.environment)
      if result.status == 1 { refused = result.stderr }
    }
    #expect(refused.contains("no host shows the token at port \(port)"), "\(refused)")
    #expect(scene.hosts.allSatisfy { tokens($0).isEmpty })
    let later = Files.read(scene.scratch.path + "/pebble/pebble.log").split(separator: "\n").count {
      $0.contains("Pulled a task")
    }
    #expect(orders == later)
    await scene.fleet.stop()
  }

  @Test func `a token that a host kept through a crash is removed by the next run`() async throws {
    let scene = try await Scene(hosts: 2)
    let servers = try await webServers(scene, on: scene.hosts)
    try await scene.fleet.authority.resolve("one.example", to: scene.hosts[0].address)
    try await declare(
      scene,
      "challenge: {type: 'http-01', via: 'hosts', webroot: '~/www', port: \(scene.fleet.authority.challengePort)}"
    )
    let killed = try await Program.run(
      CertfleetProgram.path, ["run"],
      environment: scene.certfleet.environment.merging(["CERTFLEET_FAILPOINT": "proof.presented"]) { $1 })
    #expect(killed.status == 137)
    #expect(scene.hosts.allSatisfy { tokens($0).count == 1 })
    try await scene.expect(0, "run")
    #expect(scene.hosts.allSatisfy { tokens($0).isEmpty })
    for server in servers { await server.stop() }
    await scene.fleet.stop()
  }

  @Test func `keys made on the hosts stay there, and each host gets its own certificate`() async throws {
    let scene = try await Scene(hosts: 3)
    let listen = "\(scene.fleet.network.controller):\(scene.fleet.authority.challengePort)"
    try await declare(
      scene, "key: {on: 'host', type: 'rsa-2048'}, challenge: {type: 'http-01', listen: '\(listen)'}")
    #expect(
      try await scene.expect(0, "plan").stdout.contains(
        "one.example: 3 orders, one for each host's own key: web[1-3]"))
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1", "1"])
    #expect(Set(try await scene.serials()).count == 3)
    var keys: Set<String> = []
    for host in scene.hosts {
      let key = Files.read(host.base + "/live/one.example/privkey.pem")
      #expect(key.contains("PRIVATE KEY"))
      keys.insert(key)
      let left = try FileManager.default.contentsOfDirectory(
        atPath: host.base + "/.certfleet/keys/one.example")
      #expect(left.isEmpty)
      let mode =
        try FileManager.default.attributesOfItem(
          atPath: host.base + "/live/one.example/privkey.pem")[.posixPermissions] as? Int
      #expect(mode == 0o600)
    }
    #expect(keys.count == 3)
    // Nothing of a key reached the controller.
    let bytes = try Data(contentsOf: URL(filePath: scene.certfleet.home + "/certfleet.db"))
    #expect(bytes.range(of: Data("PRIVATE KEY".utf8)) == nil)
    #expect(try await scene.expect(0, "run").stderr.contains("nothing to do"))
    try await scene.expect(0, "cert", "renew", "one.example@web2")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "2", "1"])
    #expect(try await scene.report().contains("one.example@web2"))
    // The controller takes over again: the numbers go on, and every host takes the same certificate.
    try await declare(scene, "challenge: {type: 'http-01', listen: '\(listen)'}")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["3", "3", "3"])
    #expect(Set(try await scene.serials()).count == 1)
    await scene.fleet.stop()
  }

  @Test func `killed at any step, a host's own key and its certificate find together`() async throws {
    let scene = try await Scene(hosts: 1)
    let listen = "\(scene.fleet.network.controller):\(scene.fleet.authority.challengePort)"
    try await declare(scene, "key: {on: 'host'}, challenge: {type: 'http-01', listen: '\(listen)'}")
    let steps = [
      "order.before", "order.made", "order.kept", "finalize.sent", "certificate.downloaded",
      "certificate.kept",
    ]
    for (number, step) in steps.enumerated() {
      let killed = try await Program.run(
        CertfleetProgram.path, ["cert", "renew", "one.example"],
        environment: scene.certfleet.environment.merging(["CERTFLEET_FAILPOINT": step]) { $1 })
      #expect(killed.status == 137, "\(step): \(killed.everything)")
      if step != "certificate.kept" { try await scene.expect(0, "cert", "renew", "one.example") }
      #expect(scene.fleet.authority.certificatesIssued == number + 1, "after \(step)")
      try await scene.expect(0, "run")
      #expect(scene.generations() == [String(number + 1)])
    }
    await scene.fleet.stop()
  }

  @Test func `a failed deployment never orders another certificate`() async throws {
    let scene = try await Scene(hosts: 2)
    try scene.steer(0, "break-deploy")
    for _ in 1...3 { try await scene.expect(1, "run") }
    #expect(scene.fleet.authority.certificatesIssued == 1)
    try scene.release(0, "break-deploy")
    try await scene.expect(0, "run")
    #expect(scene.fleet.authority.certificatesIssued == 1)
    await scene.fleet.stop()
  }
}
