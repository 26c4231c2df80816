#if PostgreSQL
  import Foundation
  import System
  import Testing
  import ThrowawayFleet

  @testable import Storage

  /// A server that goes and does not come back.
  @Suite struct LostServerTests {
    private struct Server {
      let server: PostgreSQLServer
      let connection: PostgreSQLConnection

      init() async throws {
        server = try await PostgreSQLServer()
        guard case .postgreSQL(let address) = try DatabaseLocation(try await server.makeDatabase()) else {
          throw Program.Failed("it is no server's")
        }
        connection = try PostgreSQLConnection(address)
      }

      func ask() throws -> Int { try connection.rows("SELECT 1", []) { $0.integer(0) }[0] }

      /// How often a statement can be given up within so long; each for itself would take as long.
      func failures(within time: Duration) -> Int {
        let end = ContinuousClock.now + time
        var count = 0
        while .now < end, count < 5 { if (try? ask()) == nil { count += 1 } }
        return count
      }
    }

    @Test func `it is waited for once and not for each statement, and is taken again when it is there`()
      async throws
    {
      let server = try await Server()
      #expect(try server.ask() == 1)
      server.connection.patience = 4
      await server.server.stop(SIGQUIT)
      #expect(server.failures(within: .seconds(8)) == 5)
      try await server.server.start()
      #expect(try server.ask() == 1)
    }

    @Test func `whoever wants to stop does not wait for it for ten minutes`() async throws {
      let server = try await Server()
      let stop = StopSignal()
      server.connection.stop = stop
      await server.server.stop(SIGQUIT)
      stop.request()
      #expect(server.failures(within: .seconds(90)) == 5)
    }
  }
#endif
