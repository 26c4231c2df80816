#if PostgreSQL
  import Fleet
  import Foundation
  import Testing
  import ThrowawayFleet

  @testable import Storage

  /// Looks that the leader hands out.
  @Suite struct LookTasksTests {
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
      try await leader.handOutLooks(
        [(["a1", "a2"], nil), (["b1"], "far"), (["c1"], "nowhere")], at: ["one.example"])
      let taken = try await follower.takeLooks(atMost: 5)
      #expect(Set(taken.map(\.hosts)) == [["a1", "a2"], ["b1"]])
      #expect(taken.allSatisfy { $0.lineages == ["one.example"] })
      #expect(try await leader.takeLooks(atMost: 5).isEmpty)
      let (common, far) = (
        try #require(taken.first { $0.hosts.count == 2 }), try #require(taken.first { $0.hosts == ["b1"] })
      )
      try await follower.endLook(far, result: ["b1"])
      // What nobody is there for is not waited for; what somebody has is.
      var done = try await leader.collectLooks(as: [String].self)
      #expect(done.results == [["b1"]] && done.left == 1)
      // One that is lost, and goes on.
      try await server.run(
        "UPDATE session SET seen_at = seen_at - interval '1 hour' WHERE number = \(other.number)",
        in: address)
      let again = try await leader.takeLooks(atMost: 5)
      #expect(again == [common])
      try await follower.endLook(common, result: ["late"])
      try await leader.endLook(common, result: ["a1", "a2"])
      done = try await leader.collectLooks(as: [String].self)
      #expect(done.results == [["a1", "a2"]] && done.left == 0)
      // What was not taken is taken back, and what was is not.
      try await leader.handOutLooks([(["a1"], nil), (["a2"], nil)], at: nil)
      #expect(try await leader.takeLooks(atMost: 1).map(\.hosts) == [["a1"]])
      try await leader.withdrawLooks(thatNobodyHas: true)
      #expect(try await leader.collectLooks(as: [String].self).left == 1)
      await #expect(throws: LeaseLost.self) {
        try await server.run("DELETE FROM lease_holder", in: address)
        _ = try await leader.collectLooks(as: [String].self)
      }
    }
  }
#endif
