import Foundation
import Testing
import ThrowawayFleet

#if PostgreSQL
  /// What befalls a controller, or the database that all have.
  private enum Trouble: CaseIterable {
    case killed, stoppedAndContinued, cutOff, databaseRestarted, databaseFailedOver

    /// Whether nobody hears of the controller until the others have done without it.
    var isSilent: Bool { self == .stoppedAndContinued || self == .cutOff }
  }

  extension SharedControllersTests {
    /// Hosts and troubles; more of both: CERTFLEET_TROUBLES=40 CERTFLEET_HOSTS=60 make test ONLY=SharedControllersTests
    private static func count(_ name: String, _ standard: Int) -> Int {
      ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
    }

    @Test func `whatever befalls one of them, no host is mixed, deployed twice or left out`() async throws {
      let (hosts, rounds) = (Self.count("CERTFLEET_HOSTS", 12), Self.count("CERTFLEET_TROUBLES", 6))
      let database = try await DistantDatabase(controllers: 3)
      let scene = try await Scene(
        hosts: hosts, waves: "[1, 3, '30%', 'rest']", database: database.addresses[0],
        credentials: database.credentials)
      var controllers = try scene.controllers(3)
      for index in 0..<3 { controllers[index].environment["CERTFLEET_DATABASE"] = database.addresses[index] }
      try await scene.expect(0, "run")
      var told: [Trouble: Int] = [:]
      var (tookLead, inVisits) = (0, 0)
      for generation in 2...(rounds + 1) {
        try await scene.expect(0, "cert", "renew", "one.example")
        let trouble = Trouble.allCases[generation % Trouble.allCases.count]
        if trouble == .databaseFailedOver { try await database.follow() }
        let outputs = (1...3).map { "\(scene.scratch.path)/run\(generation)-\($0).out" }
        // Numbers have gaps after a crash of the server.
        let former = Int(
          try await database.run("SELECT MAX(id) FROM rollout").trimmingCharacters(
            in: .whitespacesAndNewlines))
        let running = try zip(controllers, outputs).map { try $0.start("run", output: $1) }
        let moment = Int.random(in: 0..<hosts * 8)
        try await eventually("\(moment) events", within: .seconds(120)) {
          let count = try await database.run(
            "SELECT count(*) FROM event WHERE rollout > \(former ?? 0) AND host IS NOT NULL"
          )
          return Int(count.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 >= moment
            || !running.contains(where: \.isAlive)
        }
        let victim = Int.random(in: 0..<3)
        try await trouble.befall(running[victim], database, victim)
        told[trouble, default: 0] += 1
        inVisits += Set(scene.generations()).count > 1 ? 1 : 0
        for (index, run) in running.enumerated()
        where index != victim || trouble != .killed && !trouble.isSilent {
          let status = await run.ended()
          #expect(status == 0 || status == 1, "\(trouble): \(Files.read(outputs[index]))")
        }
        running[victim].signal(SIGCONT)
        database.relays[victim].mend()
        _ = await running[victim].ended()
        tookLead += outputs.count { Files.read($0).contains("goes on in its place") }
        let last = try await Program.run(
          CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
        #expect(last.status == 0, "\(trouble): \(last.everything)")
        try await scene.check(generation)
      }
      #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
      let chains = try await database.run(
        "SELECT count(DISTINCT chain) FROM event WHERE kind LIKE '%visit_ended%'")
      #expect(chains == "3\n", "not all of them took part: \(chains)")
      print(
        "\(rounds) troubles over \(hosts) hosts (\(told.map { "\($1) \($0)" }.sorted().joined(separator: ", "))): \(inVisits) times with hosts on both certificates, \(tookLead) times another took the lead"
      )
      await scene.fleet.stop()
      await database.stop()
    }
  }

  /// One that each controller has a network of its own to. It shows a certificate and asks for a password.
  private final class DistantDatabase {
    let relays: [Relay]
    let addresses: [String]
    /// The folder of a unit's credentials.
    let credentials: String
    private let network = Loopback.random()
    private let scratch: ScratchFolder
    private let name: String
    /// The last one is the primary, or the one that is to be.
    private var servers: [PostgreSQLServer]
    private var standby: PostgreSQLServer?

    private static func place(_ server: Int) -> Int { 20 + server }

    init(controllers count: Int) async throws {
      scratch = try ScratchFolder()
      credentials = scratch.path
      try scratch.write("certfleet.pgpass", "*:*:*:*:\(PostgreSQLServer.password)\n")
      let server = try await PostgreSQLServer(at: network.address(Self.place(0)))
      servers = [server]
      let address = try await server.makeDatabase()
      name = String(try #require(address.split(separator: "/")[2].split(separator: "?").first))
      relays = try (1...count).map { [network] in
        try Relay(at: network.address($0), to: network.address(Self.place(0)), port: UInt16(server.port))
      }
      addresses = (1...count).map { [network, name] in server.address(of: name, over: network.address($0)) }
    }

    func run(_ sql: String) async throws -> String {
      // Psql finds nobody while it restarts.
      (try? await servers[servers.count - 1].run(sql, in: servers[servers.count - 1].address(of: name))) ?? ""
    }

    func restart() async throws {
      await servers[servers.count - 1].stop()
      try await Task.sleep(for: .seconds(1))
      try await servers[servers.count - 1].start()
    }

    /// A copy that has all that is committed from now on.
    func follow() async throws {
      standby = try await PostgreSQLServer(
        following: servers[servers.count - 1], at: network.address(Self.place(servers.count)))
    }

    /// The primary dies, and its copy takes its place.
    func failOver() async throws {
      guard let standby else { return }
      await servers[servers.count - 1].stop(SIGQUIT)
      try await standby.promote()
      for relay in relays { relay.lead(to: network.address(Self.place(servers.count))) }
      servers.append(standby)
      self.standby = nil
    }

    func stop() async {
      for relay in relays { relay.stop() }
      await servers[servers.count - 1].stop()
    }
  }

  extension Trouble {
    fileprivate func befall(_ run: Running, _ database: DistantDatabase, _ controller: Int) async throws {
      switch self {
      case .killed: run.signal(SIGKILL)
      case .stoppedAndContinued: run.signal(SIGSTOP)
      case .cutOff: database.relays[controller].cut()
      case .databaseRestarted: try await database.restart()
      case .databaseFailedOver: try await database.failOver()
      }
    }
  }
#endif
