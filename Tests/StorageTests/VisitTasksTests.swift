#if PostgreSQL
  import Fleet
  import Foundation
  import Testing
  import ThrowawayFleet
  import struct Fleet.Host

  @testable import Storage

  /// Visits that the leader hands out.
  @Suite struct VisitTasksTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func event(
      of rollout: Rollout.ID, _ kind: Event.Kind, wave: Int? = nil, host: Host.Name? = nil
    ) -> Event {
      Event(
        at: now, subject: .init(rollout: rollout, wave: wave, host: host, attempt: host.map { _ in 1 }),
        kind: kind)
    }

    @Test func `a visit that ended while a new leader handed it out again is not begun a second time`()
      async throws
    {
      let fleet = try await TwoControllers()
      let (first, second, sessions) = (fleet.first, fleet.second, fleet.sessions)
      let visit = PlannedVisit(host: Host(name: "web1", address: "a"), certificates: [])
      let id = try await first.plan(Plan(policy: .standard, waves: [PlannedWave([visit])]), now: now)
      let key = VisitKey(rollout: id, host: "web1")
      guard case .taken = try await first.takeLease(sessions[0]) else { throw Program.Failed("no lease") }
      try await first.record(event(of: id, .rolloutStarted))
      try await first.record(event(of: id, .waveStarted(hosts: 1), wave: 1))
      try await first.handOut([(key, 1, nil, visit)])
      let taken = try await first.take(as: PlannedVisit.self) { $0 }
      #expect(taken.map(\.standing) == [.new])
      let epoch = try #require(taken.first?.epoch)
      // Another one leads from here on, and knows of no visit yet.
      try await first.giveUpLease(sessions[0])
      guard case .taken = try await second.takeLease(sessions[1]) else { throw Program.Failed("no lease") }
      #expect(try await second.read(id) { $0.visits.isEmpty })
      try await first.record(event(of: id, .visitStarted("t"), wave: 1, host: "web1"), epoch: epoch)
      try await first.record(event(of: id, .visitEnded(.ok, reason: ""), wave: 1, host: "web1"), epoch: epoch)
      try await second.handOut([(key, 1, nil, visit)])
      let again = try await second.take(as: PlannedVisit.self) { $0 }
      #expect(again.map(\.standing) == [.ended(.ok)])
    }

    @Test func `what somebody was lost with is taken back, and it is known how far it came`() async throws {
      let fleet = try await TwoControllers(farSites: ["far"])
      let (first, second, sessions) = (fleet.first, fleet.second, fleet.sessions)
      let visits = ["web1", "web2"].map {
        PlannedVisit(host: Host(name: $0, address: "a"), certificates: [])
      }
      let id = try await first.plan(Plan(policy: .standard, waves: [PlannedWave(visits)]), now: now)
      let keys = visits.map { VisitKey(rollout: id, host: $0.host.name) }
      guard case .taken = try await first.takeLease(sessions[0]) else { throw Program.Failed("no lease") }
      try await first.record(event(of: id, .rolloutStarted))
      try await first.record(event(of: id, .waveStarted(hosts: 2), wave: 1))
      try await first.handOut([(keys[0], 1, "far", visits[0]), (keys[1], 1, "far", visits[1])])
      // Nobody else serves the site: its controller takes all of it.
      #expect(try await first.take(as: PlannedVisit.self) { $0 }.isEmpty)
      let taken = try await second.take(as: PlannedVisit.self) { $0 }
      #expect(taken.count == 2)
      let epoch = try #require(taken.first { $0.work.host.name == "web1" }?.epoch)
      try await second.record(event(of: id, .visitStarted("t"), wave: 1, host: "web1"), epoch: epoch)
      #expect(try await first.withdraw(keys[0]) == nil)
      try await fleet.lose(sessions[1])
      #expect(try await first.withdraw(keys[0]) == .begun("t", isRevert: false))
      #expect(try await first.withdraw(keys[1]) == .new)
      #expect(try await first.openTasks().isEmpty)
      // It has only stood still, and what it says is not kept.
      await #expect(throws: LeaseLost.self) {
        try await second.record(
          event(of: id, .visitEnded(.ok, reason: ""), wave: 1, host: "web1"), epoch: epoch)
      }
      // The same where it is the lease that is taken.
      try await first.handOut([(keys[1], 1, "far", visits[1])])
      #expect(try await second.take(as: PlannedVisit.self) { $0 }.count == 1)
      guard case .taken = try await first.takeLease(sessions[0]) else { throw Program.Failed("no lease") }
      #expect(try await first.openTasks().isEmpty)
      // Who decides is asked for before a hook runs.
      try await first.requireLease()
      await #expect(throws: LeaseLost.self) { try await second.requireLease() }
    }

    @Test func `one that could not be heard for long takes nothing from others at first`() {
      let start = ContinuousClock.now
      var heartbeat = Heartbeat.State(at: start)
      func moment(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
      for second in [0, 4, 8, 13] { heartbeat.beat(at: moment(second)) }
      #expect(heartbeat.isSteady(at: moment(20)))
      // Nothing is heard of the database, or the process stands still.
      #expect(!heartbeat.isSteady(at: moment(22)))
      for second in stride(from: 50, through: 70, by: 4) { heartbeat.beat(at: moment(second)) }
      #expect(!heartbeat.isSteady(at: moment(70)))
      #expect(heartbeat.isSteady(at: moment(71)))
    }

    @Test func `one that the database does not know any more takes nothing, and says so`() async throws {
      let fleet = try await TwoControllers()
      let heartbeat = try #require(await fleet.first.keepAlive(fleet.sessions[0]))
      try await fleet.first.requireSession()
      // A copy of its folder on another machine begins.
      let copy = try Store(
        home: try StateDirectory(path: fleet.scratch.path + "/state1", database: fleet.database))
      _ = try await copy.join(name: "copy", sites: [], process: "", takesPart: true)
      try await eventually("it is told", within: .seconds(30)) {
        do { try await fleet.first.requireSession() } catch is SessionEnded { return true }
        return false
      }
      await #expect(throws: SessionEnded.self) { try await fleet.first.take(as: PlannedVisit.self) { $0 } }
      heartbeat.stop()
    }
  }

  /// Two controllers that have joined.
  private struct TwoControllers {
    let scratch: ScratchFolder
    let server: PostgreSQLServer
    let address: String
    let database: DatabaseLocation
    let first: Store
    let second: Store
    let sessions: [ControllerSession]

    init(farSites: Set<String> = []) async throws {
      let scratch = try ScratchFolder()
      server = try await PostgreSQLServer()
      address = try await server.makeDatabase()
      let database = try DatabaseLocation(address)
      let stores = try (1...2).map { number in
        let home = try StateDirectory(path: "\(scratch.path)/state\(number)", database: database)
        if number > 1 {
          try FileManager.default.copyItem(
            atPath: scratch.path + "/state1/sealing.key", toPath: home.path + "/sealing.key")
        }
        return try Store(home: home)
      }
      (self.scratch, self.database, first, second) = (scratch, database, stores[0], stores[1])
      sessions = [
        try await first.join(name: "c1", sites: [], process: "", takesPart: true),
        try await second.join(name: "c2", sites: farSites, process: "", takesPart: true),
      ]
    }

    /// Nobody has heard of it for long.
    func lose(_ session: ControllerSession) async throws {
      try await server.run(
        "UPDATE session SET seen_at = seen_at - interval '1 hour' WHERE number = \(session.number)",
        in: address)
    }
  }
#endif
