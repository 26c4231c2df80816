#if PostgreSQL
  import Fleet
  import Foundation
  import Testing
  import ThrowawayFleet

  @testable import Storage

  /// What the leader hands out beside visits.
  @Suite struct SiteTasksTests {
    @Test func `each is taken once by one that reaches it, and again from one that is lost`() async throws {
      let scratch = try ScratchFolder()
      let server = try await PostgreSQLServer()
      let address = try await server.makeDatabase()
      let database = try DatabaseLocation(address)
      func open(_ number: Int) throws -> Store {
        let home = try StateDirectory(path: "\(scratch.path)/state\(number)", database: database)
        if number > 1 {
          try FileManager.default.copyItem(
            atPath: scratch.path + "/state1/sealing.key", toPath: home.path + "/sealing.key")
        }
        return try Store(home: home)
      }
      let (leader, follower) = (try open(1), try open(2))
      let session = try await leader.join(name: "here", sites: [], process: "", takesPart: true)
      let other = try await follower.join(name: "there", sites: ["far"], process: "", takesPart: true)
      guard case .taken = try await leader.takeLease(session) else { throw Program.Failed("no lease") }
      let numbers = try await leader.handOut(.look, [(nil, "a"), ("far", "b"), ("nowhere", "c")])
      let asked = try await leader.handOut(.host, [("far", "d")])
      let taken = try await follower.takeSiteTasks(.look, as: String.self, atMost: 5)
      #expect(Set(taken.map(\.work)) == ["a", "b"] && Set(taken.map(\.number)) == Set(numbers.prefix(2)))
      #expect(try await leader.takeSiteTasks(.look, as: String.self, atMost: 5).isEmpty)
      try await follower.endSiteTask(numbers[1], result: "B")
      // What nobody is there for is not waited for; what somebody has is.
      var done = try await leader.collectSiteTasks(.look, as: String.self)
      #expect(done.results == [numbers[1]: "B"] && done.left == [numbers[0]])
      #expect(try await leader.collectSiteTasks(.host, as: String.self).left == Set(asked))
      // One that is lost, and goes on.
      try await server.run(
        "UPDATE session SET seen_at = seen_at - interval '1 hour' WHERE number = \(other.number)",
        in: address)
      let again = try await leader.takeSiteTasks(.look, as: String.self, atMost: 5)
      #expect(again.map(\.number) == [numbers[0]])
      try await follower.endSiteTask(numbers[0], result: "late")
      try await leader.endSiteTask(numbers[0], result: "A")
      done = try await leader.collectSiteTasks(.look, as: String.self)
      #expect(done.results == [numbers[0]: "A"] && done.left.isEmpty)
      #expect(try await leader.collectSiteTasks(.host, as: String.self).left.isEmpty)
      // What was not taken is taken back, and what was is not.
      try await leader.handOut(.look, [(nil, "e"), (nil, "f")])
      #expect(try await leader.takeSiteTasks(.look, as: String.self, atMost: 1).map(\.work) == ["e"])
      try await leader.withdrawSiteTasks(.look, thatNobodyHas: true)
      #expect(try await leader.collectSiteTasks(.look, as: String.self).left.count == 1)
      // Whoever takes the lead has handed out nothing.
      _ = try await leader.takeLease(session)
      #expect(try await leader.collectSiteTasks(.look, as: String.self).left.isEmpty)
      await #expect(throws: LeaseLost.self) {
        try await server.run("DELETE FROM lease_holder", in: address)
        _ = try await leader.collectSiteTasks(.look, as: String.self)
      }
    }
  }
#endif
