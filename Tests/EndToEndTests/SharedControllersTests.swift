import Foundation
import Testing
import ThrowawayFleet

#if PostgreSQL
  /// Several controllers that share one PostgreSQL.
  @Suite(.serialized) struct SharedControllersTests {
    @Test func `three that run at once visit each host once, and any of them tells all of it`() async throws {
      let server = try await PostgreSQLServer()
      let scene = try await Scene(
        hosts: 12, waves: "[2, 4, 'rest']", database: try await server.makeDatabase())
      let controllers = try scene.controllers(3)
      let outputs = (1...3).map { "\(scene.scratch.path)/run\($0).out" }
      // Of six visits that nobody ends, the share of each is two.
      for host in [0] + Array(6..<12) { try scene.steer(host, "hold-deploy") }
      let running = try zip(controllers, outputs).map { try $0.start("run", output: $1) }
      try await eventually("all three take part: \(outputs.map { Files.read($0) })") {
        outputs.count { Files.read($0).contains("leads a run") } == 2
      }
      try scene.release(0, "hold-deploy")
      try await eventually("each of them has a visit: \(outputs.map { Files.read($0) })") {
        try await server.run("SELECT count(DISTINCT session) FROM visit_task", in: scene.database) == "3\n"
      }
      for host in 6..<12 { try scene.release(host, "hold-deploy") }
      for (run, output) in zip(running, outputs) {
        let status = await run.ended()
        #expect(status == 0, "\(Files.read(output))")
      }
      try await scene.check(1)
      let chains = try await server.run(
        "SELECT count(DISTINCT chain) FROM event WHERE kind LIKE '%visit_ended%'", in: scene.database)
      #expect(
        Int(chains.trimmingCharacters(in: .whitespacesAndNewlines)) == 3,
        "one controller has made all visits: \(outputs.map { Files.read($0) })")
      for controller in controllers {
        #expect(try await controller.succeed("report").contains("everything is as it should be"))
        #expect(try await controller.succeed("log", "--verify").contains("none altered"))
      }
      await scene.fleet.stop()
    }
  }

  extension SharedControllersTests {
    @Test func `three that serve carry out what is ordered, and go on where one is killed`() async throws {
      let server = try await PostgreSQLServer()
      let scene = try await Scene(hosts: 6, waves: "[2, 'rest']", database: try await server.makeDatabase())
      let controllers = try scene.controllers(3)
      try await server.run("DELETE FROM host_key WHERE host = 'web6'", in: scene.database)
      var serving = try controllers.enumerated().map {
        try $1.start("serve", output: "\(scene.scratch.path)/serve\($0)")
      }
      try await eventually("the first rollout", within: .seconds(120)) {
        scene.generations() == ["1", "1", "1", "1", "1", "0"]
      }
      // What is pinned is known to those that serve already.
      try await scene.expect(
        0, "host", "pin", "web6", "--fingerprint", try await scene.hosts[5].ssh.fingerprint())
      try await eventually("it is visited", within: .seconds(120)) { Set(scene.generations()) == ["1"] }
      let listed = try await controllers[2].succeed("controllers")
      #expect(listed.split(separator: "\n").count == 4 && listed.contains("controller2"), "\(listed)")
      try await scene.nobodyLeads()
      // What all of them hear one of them sees to. Each run begins an epoch.
      func epochs(_ what: String) async throws -> String {
        try await server.run("SELECT \(what) FROM lease", in: scene.database)
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
      var leaders: [String] = []
      for _ in 1...3 {
        let before = try await epochs("MAX(epoch)")
        try await server.run("NOTIFY certfleet_orders", in: scene.database)
        try await Task.sleep(for: .seconds(5))
        leaders.append(try await epochs("count(DISTINCT holder) FILTER (WHERE epoch > \(before))"))
      }
      #expect(leaders.contains("1"), "\(leaders)")
      // Whom of them a CA asks does not matter.
      try scene.steer(0, "hold-deploy")
      try await scene.expect(0, "cert", "renew", "one.example")
      try await eventually("a host that holds", within: .seconds(120)) { scene.exists(0, "holding") }
      try await server.run(
        #"INSERT INTO presented VALUES ('x', '{}', '{"domain":"x","token":"t0","key_authorization":"t0.k","all_domains":["x"],"remaining":0}')"#,
        in: scene.database)
      let url =
        "http://\(scene.fleet.network.controller):\(scene.fleet.authority.challengePort)/.well-known/acme-challenge/"
      try await eventually("an answer of one that follows", within: .seconds(60)) {
        try await Program.run(try Program.find("curl"), ["-s", url + "t0"]).stdout == "t0.k"
      }
      #expect(
        try await Program.run(
          try Program.find("curl"), ["-s", "-o", "/dev/null", "-w", "%{http_code}", url + "t1"]
        ).stdout == "404")
      try await server.run("DELETE FROM presented", in: scene.database)
      try scene.release(0, "hold-deploy")
      try FileManager.default.removeItem(atPath: scene.hosts[0].home + "/holding")
      try await eventually("all have it", within: .seconds(120)) { Set(scene.generations()) == ["2"] }
      try await scene.nobodyLeads()
      // The one that leads is killed where a host holds it.
      try scene.steer(0, "hold-deploy")
      try await scene.expect(0, "cert", "renew", "one.example")
      try await eventually("a host that holds", within: .seconds(120)) { scene.exists(0, "holding") }
      let leader = try #require(
        try await controllers[0].succeed("controllers").split(separator: "\n").first { $0.contains("leads") })
      let id = try #require(
        leader.split(separator: " ").drop { $0 != "process" }.dropFirst().first.flatMap { Int32($0) })
      kill(id, SIGKILL)
      try scene.release(0, "hold-deploy")
      try await eventually("the others go on", within: .seconds(120)) { Set(scene.generations()) == ["3"] }
      try await eventually("it has ended", within: .seconds(120)) {
        let listed = try await scene.expect(0, "rollout", "list").stdout
        return listed.split(separator: "\n").count == 5 && !listed.contains("running")
      }
      #expect(try await controllers[0].succeed("controllers").contains("lost"))
      let doctor = try await controllers[0]("doctor").stdout
      #expect(doctor.contains("was lost") && doctor.contains("fsync is off"), "\(doctor)")
      try await scene.check(3)
      serving.removeAll { $0.id == id }
      for one in serving {
        one.signal(SIGTERM)
        #expect(await one.ended() == 0)
      }
      await scene.fleet.stop()
    }

    @Test func `where the database fails over in the middle of a run, all go on with the other one`()
      async throws
    {
      let server = try await PostgreSQLServer()
      let name = try #require(
        try await server.makeDatabase().split(separator: "/")[2].split(separator: "?").first)
      let other = try await PostgreSQLServer(following: server)
      let scene = try await Scene(
        hosts: 8, waves: "[2, 'rest']", database: server.address(of: String(name), or: other))
      let controllers = try scene.controllers(3)
      try scene.steer(0, "hold-deploy")
      let running = try controllers.enumerated().map {
        try $1.start("run", output: "\(scene.scratch.path)/run\($0)")
      }
      try await eventually("a host that holds", within: .seconds(120)) { scene.exists(0, "holding") }
      await server.stop(SIGQUIT)
      try scene.release(0, "hold-deploy")
      try await Task.sleep(for: .seconds(2))
      try await other.promote()
      for (index, run) in running.enumerated() {
        #expect(await run.ended() == 0, "\(Files.read("\(scene.scratch.path)/run\(index)"))")
      }
      try await scene.check(1)
      #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
      await scene.fleet.stop()
    }

    @Test func `a pooler that gives each transaction to another session is no hindrance`() async throws {
      let server = try await PostgreSQLServer()
      let bouncer = try await PgBouncer(before: server)
      let name = try #require(
        try await server.makeDatabase().split(separator: "/")[2].split(separator: "?").first)
      let scene = try await Scene(hosts: 4, database: bouncer.address(of: String(name)))
      let controllers = try scene.controllers(2)
      let running = try controllers.enumerated().map {
        try $1.start("run", output: "\(scene.scratch.path)/run\($0)")
      }
      for (index, run) in running.enumerated() {
        #expect(await run.ended() == 0, "\(Files.read("\(scene.scratch.path)/run\(index)"))")
      }
      try await scene.check(1)
      #expect(try await controllers[1].succeed("log", "--verify").contains("none altered"))
      await scene.fleet.stop()
      await bouncer.stop()
    }

    @Test func `a site that nobody serves is told and left out, and visited once somebody does`() async throws
    {
      let server = try await PostgreSQLServer()
      let scene = try await Scene(
        hosts: 3, waves: "[{take: 'rest', bake: '2s'}]", database: try await server.makeDatabase())
      let file = scene.scratch.path + "/fleet.json5"
      try Files.write(
        file,
        Files.read(file).replacing("{name: 'web3',", with: "{name: 'web3', site: 'far',").replacing(
          "defaults: {", with: "defaults: {site: 'near', "))
      try await scene.expect(0, "apply", file)
      let controllers = try scene.controllers(2)
      try Files.write(controllers[0].home + "/certfleet.conf", "{ sites: ['near'] }")
      let (far, machine) = try await scene.moveAway(scene.hosts[2])
      let first = try await scene.expect(1, "run")
      #expect(
        first.everything.contains("no controller that is at work serves site far"), "\(first.everything)")
      #expect(scene.generations() == ["1", "1", "0"])
      try Files.write(controllers[1].home + "/certfleet.conf", "{ name: 'there', sites: ['far'] }")
      let (said, saidThere) = (scene.scratch.path + "/near", scene.scratch.path + "/far")
      let near = try controllers[0].start("serve", output: said)
      func serveThere() throws -> Running {
        try far.start(
          CertfleetProgram.path, ["serve"], environment: controllers[1].environment, output: saidThere)
      }
      func allHave(_ generation: String) async throws {
        try await eventually("all have \(generation)", within: .seconds(120)) {
          Set(scene.generations()) == [generation]
        }
        try await scene.nobodyLeads()
      }
      var there = try serveThere()
      try await allHave("1")
      // Whichever leads, each carries out what is for its site.
      try await scene.expect(0, "cert", "renew", "one.example")
      try await allHave("2")
      let chains = try await server.run(
        "SELECT count(DISTINCT chain) FROM event WHERE host = 'web3' AND kind LIKE '%visit_started%'",
        in: scene.database)
      #expect(chains.trimmingCharacters(in: .whitespacesAndNewlines) == "1")
      // After the bake it is looked at by who reaches it.
      let looks = try await server.run(
        "SELECT chain = (SELECT chain FROM event WHERE host = 'web3' AND kind LIKE '%visit_started%' LIMIT 1) FROM event WHERE host = 'web3' AND kind LIKE '%reverify%'",
        in: scene.database)
      #expect(Set(looks.split(separator: "\n")) == ["t"], "\(looks)")
      // What is ordered by hand visits hosts of its site by who reaches them, too.
      try await scene.expect(0, "cert", "revert", "one.example")
      #expect(Set(scene.generations()) == ["1"])
      try await scene.nobodyLeads()
      try await scene.expect(0, "cert", "renew", "one.example")
      try await allHave("3")
      // What has changed there is seen by who reaches it, whichever leads.
      try FileManager.default.removeItem(atPath: scene.hosts[2].base)
      try await server.run(
        "UPDATE observation SET disk_at = 1, served_at = 1, looked_at = 1 WHERE host = 'web3'",
        in: scene.database)
      try await server.run("NOTIFY certfleet_orders", in: scene.database)
      try await allHave("3")
      let mended = Files.read(said) + Files.read(saidThere)
      #expect(mended.contains("web3: one.example: drifted (gone)"), "\(mended)")
      // Its only controller is lost in the middle of a visit: that is told, and what goes on elsewhere comes to its end.
      try scene.steer(2, "hold-deploy")
      try await scene.expect(0, "cert", "renew", "one.example")
      try await eventually("it is held", within: .seconds(120)) { scene.exists(2, "holding") }
      there.signal(SIGKILL)
      _ = await there.ended()
      try await eventually("it is given up", within: .seconds(120)) {
        Files.read(said).contains("web3: unknown: no controller that is at work serves site far")
      }
      try await eventually("the others have it", within: .seconds(120)) {
        scene.generations().prefix(2) == ["4", "4"]
      }
      try await eventually("the rollout is halted", within: .seconds(120)) {
        try await scene.expect(0, "rollout", "list").stdout.contains("halted")
      }
      try scene.release(2, "hold-deploy")
      // It is asked, and gets it.
      there = try serveThere()
      try await allHave("4")
      for one in [near, there] {
        one.signal(SIGTERM)
        #expect(await one.ended() == 0, "\(Files.read(said)) \(Files.read(saidThere))")
      }
      #expect(try await scene.certfleet("doctor").stdout.contains("nobody serves site far") == false)
      // Nobody was there for days.
      try await server.run("UPDATE observation SET looked_at = 1 WHERE host = 'web3'", in: scene.database)
      #expect(try await scene.certfleet("doctor").stdout.contains("nobody serves site far of web3"))
      for one in machine { await one.stop() }
      await far.stop()
      await scene.fleet.stop()
    }

    @Test
    func `after the database went back to an earlier moment hosts are looked at and keep what they have`()
      async throws
    {
      let server = try await PostgreSQLServer()
      let scene = try await Scene(hosts: 3, database: try await server.makeDatabase())
      try await scene.expect(0, "run")
      try await server.keepMoment()
      for _ in 1...2 {
        try await scene.expect(0, "cert", "renew", "one.example")
        try await scene.expect(0, "run")
      }
      #expect(scene.generations() == ["3", "3", "3"])
      let serials = try await scene.serials()
      try await server.goBack()
      let said = try await scene.expect(0, "restore", "--point-in-time")
      #expect(said.stdout.contains("looks at every host first: certfleet run"), "\(said.everything)")
      let first = try await scene.expect(0, "run")
      #expect(
        first.stderr.contains(
          "web[1-3]: generation 3 of one.example is there, which this state did not know from "),
        "\(first.everything)")
      #expect(try await scene.serials() == serials)
      #expect(try await scene.report().contains("everything is as it should be"))
      // Epochs and generations go on from the highest that was seen, also with another controller.
      let other = try scene.controllers(2)[1]
      try await other.succeed("cert", "renew", "one.example")
      try await other.succeed("run")
      #expect(scene.generations() == ["4", "4", "4"])
      #expect(try await other.succeed("log", "--verify").contains("none altered"))
      await scene.fleet.stop()
    }

    @Test func `one that serves on SQLite hears what is applied and ordered beside it`() async throws {
      let scene = try await Scene(hosts: 2)
      let serving = try scene.certfleet.start("serve", output: scene.scratch.path + "/serve")
      try await eventually("the first rollout", within: .seconds(120)) { Set(scene.generations()) == ["1"] }
      // What needs the lease is refused by name; what is declared is heard.
      let refused = try await scene.certfleet("run")
      #expect(
        refused.status != 0 && refused.stderr.contains("another certfleet is at work"),
        "\(refused.everything)")
      try scene.declare(["one.example", "two.example"], waves: "['rest']")
      try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
      try await eventually("what was applied", within: .seconds(120)) {
        Set(scene.generations(of: "two.example")) == ["1"]
      }
      serving.signal(SIGTERM)
      #expect(await serving.ended() == 0, "\(Files.read(scene.scratch.path + "/serve"))")
      await scene.fleet.stop()
    }
  }

  extension Scene {
    var database: String { certfleet.environment["CERTFLEET_DATABASE"] ?? "" }

    /// Waits until no run is led.
    func nobodyLeads() async throws {
      try await eventually("the run has ended", within: .seconds(120)) {
        try await !certfleet.succeed("controllers").contains("leads")
      }
    }

    /// Starts a host anew in a network of its own, where only what is started there too reaches it.
    func moveAway(_ host: LoopbackFleet.ThrowawayHost) async throws -> (NetworkNamespace, [Running]) {
      let network = try await NetworkNamespace()
      await host.ssh.stop()
      await host.web.stop()
      let programs = [
        try network.start(
          try Program.find("sshd"), ["-D", "-e", "-f", host.home + "/sshd/sshd_config"],
          output: host.home + "/moved.log"),
        try network.start(
          try Program.find("nginx"), ["-p", host.home, "-c", "nginx.conf", "-e", "error.log"],
          output: host.home + "/moved.log"),
      ]
      #expect(!Loopback.answers(host.address, host.ssh.port))
      return (network, programs)
    }

    /// Further controllers of the same fleet, each with a home of its own; the first one is the scene's.
    func controllers(_ count: Int) throws -> [CertfleetProgram] {
      try (1...count).map { number in
        guard number > 1 else { return certfleet }
        let home = "\(scratch.path)/state\(number)"
        try Files.makeFolder(home)
        chmod(home, 0o700)
        try FileManager.default.copyItem(
          atPath: certfleet.home + "/sealing.key", toPath: home + "/sealing.key")
        try Files.write(home + "/certfleet.conf", "{ name: 'controller\(number)' }")
        var other = CertfleetProgram(home: home)
        for name in ["CERTFLEET_DATABASE", "CREDENTIALS_DIRECTORY"] {
          other.environment[name] = certfleet.environment[name]
        }
        return other
      }
    }
  }
#endif
