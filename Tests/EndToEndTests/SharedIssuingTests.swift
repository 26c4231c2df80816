import Foundation
import Testing
import ThrowawayFleet

#if PostgreSQL
  /// What issuing asks of hosts, where each site has a controller of its own.
  @Suite(.serialized) struct SharedIssuingTests {
    @Test func `keys and tokens on hosts of another site are seen to by who reaches them`() async throws {
      let server = try await PostgreSQLServer()
      let scene = try await Scene(hosts: 3, database: try await server.makeDatabase())
      let controllers = try scene.controllers(2)
      try Files.write(controllers[0].home + "/certfleet.conf", "{ sites: ['near'] }")
      try Files.write(controllers[1].home + "/certfleet.conf", "{ name: 'there', sites: ['far'] }")
      try await declare(scene)
      let (far, machine) = try await scene.moveAway(scene.hosts[2])
      // The CA asks a host near by; the hosts are asked for its tokens beforehand, each by who reaches it.
      let port = scene.fleet.authority.challengePort
      for host in scene.hosts { try Files.makeFolder(host.home + "/www") }
      var web: [PlainWebServer] = []
      for host in scene.hosts.prefix(2) {
        web.append(
          try await PlainWebServer(
            root: host.home + "/www", in: host.home + "/plain", at: host.address, port: port))
      }
      let webThere = try far.start(
        try Program.find("python3"),
        [
          "-m", "http.server", "--bind", scene.hosts[2].address, "--directory", scene.hosts[2].home + "/www",
          "\(port)",
        ],
        output: scene.scratch.path + "/web")
      try await scene.fleet.authority.resolve("one.example", to: scene.hosts[0].address)
      let (said, saidThere) = (scene.scratch.path + "/near", scene.scratch.path + "/far")
      let near = try controllers[0].start("serve", output: said)
      try await eventually("those near by", within: .seconds(120)) { scene.generations() == ["1", "1", "0"] }
      try await scene.nobodyLeads()
      let there = try far.start(
        CertfleetProgram.path, ["serve"], environment: controllers[1].environment, output: saidThere)
      try await eventually("both are at work", within: .seconds(60)) {
        try await controllers[0].succeed("controllers").contains("far")
      }
      try await scene.nobodyLeads()
      // Its web server does not take the certificate by itself.
      try scene.steer(2, "lazy")
      // What is ordered from here is led from here: there the CA is not reached.
      let renewed = try await scene.expect(0, "cert", "renew", "one.example@web3")
      #expect(!renewed.everything.contains("token"), "\(renewed.everything)")
      try await eventually("it is brought", within: .seconds(120)) { scene.generations()[2] != "0" }
      #expect(Files.read(scene.hosts[2].base + "/live/one.example/privkey.pem").contains("PRIVATE KEY"))
      try await scene.nobodyLeads()
      #expect(try await scene.report().contains("web3 has it and serves another still"))
      near.signal(SIGTERM)
      #expect(await near.ended() == 0, "\(Files.read(said))")
      machine[1].signal(SIGHUP)
      try await eventually("it serves it", within: .seconds(60)) {
        try await scene.certfleet("run").stderr.contains("web3: serves one.example@web3 now")
      }
      for host in scene.hosts {
        let left = try FileManager.default.contentsOfDirectory(
          atPath: host.home + "/www/.well-known/acme-challenge")
        #expect(left.isEmpty, "\(host.name): \(left)")
      }
      there.signal(SIGTERM)
      #expect(await there.ended() == 0, "\(Files.read(saidThere))")
      let refused = try await scene.certfleet("cert", "renew", "one.example@web3")
      #expect(
        refused.status != 0
          && refused.everything.contains("no controller that is at work serves site far"),
        "\(refused.everything)")
      #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
      for one in machine + [webThere] { await one.stop() }
      await far.stop()
      for one in web { await one.stop() }
      await scene.fleet.stop()
    }

    private func declare(_ scene: Scene) async throws {
      let hosts = scene.hosts.map {
        "{name: '\($0.name)', address: '\($0.address)', site: '\($0.name == "web3" ? "far" : "near")'}"
      }.joined(separator: ", ")
      try scene.scratch.write(
        "fleet.json5",
        """
        { defaults: {port: 2222, identity: 'id_ed25519', base: '~/certs'}, hosts: [\(hosts)],
          issuers: [{name: 'pebble', directory: '\(scene.fleet.authority.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
          certificates: [{ name: 'one.example', domains: ['one.example'], issuer: 'pebble', key: {on: 'host'},
            challenge: {type: 'http-01', via: 'hosts', to: '*', webroot: '~/www', port: \(scene.fleet.authority.challengePort)},
            deploy: [{ to: '*', rollout: 'p', verify: [{tls: 8443}], hooks: { deploy: ['[ -e ~/lazy ] || { \(LoopbackFleet.reload); }'] } }] }],
          rollouts: [{name: 'p', waves: ['rest']}] }
        """)
      try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5", "--prune")
    }
  }
#endif
