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

    @Test func `a visit that ended while a new leader handed it out again is not begun a second time`()
      async throws
    {
      let (scratch, server) = (try ScratchFolder(), try await PostgreSQLServer())
      let database = try DatabaseLocation(try await server.makeDatabase())
      let stores = try (1...2).map { number in
        let home = try StateDirectory(path: "\(scratch.path)/state\(number)", database: database)
        if number > 1 {
          try FileManager.default.copyItem(
            atPath: scratch.path + "/state1/sealing.key", toPath: home.path + "/sealing.key")
        }
        return try Store(home: home)
      }
      let (first, second) = (stores[0], stores[1])
      let sessions = [
        try await first.join(name: "c1", sites: [], process: "", takesPart: true),
        try await second.join(name: "c2", sites: [], process: "", takesPart: true),
      ]
      let visit = PlannedVisit(host: Host(name: "web1", address: "a"), certificates: [])
      let id = try await first.plan(Plan(policy: .standard, waves: [PlannedWave([visit])]), now: now)
      let key = VisitKey(rollout: id, host: "web1")
      func event(_ kind: Event.Kind, wave: Int? = nil, host: Host.Name? = nil) -> Event {
        Event(
          at: now, subject: .init(rollout: id, wave: wave, host: host, attempt: host.map { _ in 1 }),
          kind: kind)
      }
      guard case .taken = try await first.takeLease(sessions[0]) else { throw Program.Failed("no lease") }
      try await first.record(event(.rolloutStarted))
      try await first.record(event(.waveStarted(hosts: 1), wave: 1))
      try await first.handOut([(key, 1, nil, visit)])
      let taken = try await first.take(as: PlannedVisit.self) { $0 }
      #expect(taken.map(\.standing) == [.new])
      let epoch = try #require(taken.first?.epoch)
      // Another one leads from here on, and knows of no visit yet.
      try await first.giveUpLease(sessions[0])
      guard case .taken = try await second.takeLease(sessions[1]) else { throw Program.Failed("no lease") }
      #expect(try await second.read(id) { $0.visits.isEmpty })
      try await first.record(event(.visitStarted("t"), wave: 1, host: "web1"), epoch: epoch)
      try await first.record(event(.visitEnded(.ok, reason: ""), wave: 1, host: "web1"), epoch: epoch)
      try await second.handOut([(key, 1, nil, visit)])
      let again = try await second.take(as: PlannedVisit.self) { $0 }
      #expect(again.map(\.standing) == [.ended(.ok)])
    }
  }
#endif
