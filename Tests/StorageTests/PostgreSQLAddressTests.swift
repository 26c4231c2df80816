import Fleet
import Testing
import ThrowawayFleet

@testable import Storage

#if PostgreSQL
  @Suite struct PostgreSQLAddressTests {
    @Test(arguments: [
      ("postgresql://u:secret@/db", "a password belongs neither"),
      ("postgresql:///db?password=secret", "a password belongs neither"),
      ("postgresql://db.example/db?sslmode=require", "sslmode=require does not show whose server it is"),
      ("postgresql://db.example/db?sslmode=disable", "sslmode=disable does not show"),
      ("postgresql:///db?service=x", "a service's parameters are not looked at"),
      ("postgresql:///db?no_such=1", "cannot be read"),
      ("host=db user=u password=secret", "what is given is no address of a database"),
      ("mysql://u:secret@db/x", "what is given is no address of a database"),
      ("postgresql://u:50%secret@db/x", "cannot be read"),
      ("postgresql:///db?sslpassword=secret", "a password belongs neither"),
      ("mysql://db", "is no address of a database"), ("/var/lib/certfleet.db", "is no address of a database"),
    ])
    func `what is unsafe or cannot be read is refused`(_ text: String, _ expected: String) {
      #expect { try PostgreSQLAddress(text) } throws: {
        "\($0)".contains(expected) && !"\($0)".contains("secret")
      }
    }

    @Test func `a server has to show who it is unless it is a local socket`() throws {
      func mode(_ text: String) throws -> String? {
        try PostgreSQLAddress(text).parameters.first { $0.name == "sslmode" }?.value
      }
      #expect(try mode("postgresql://db.example/db") == "verify-full")
      #expect(try mode("postgresql:///db?host=db1,db2") == "verify-full")
      #expect(try mode("postgresql:///db?host=/run/postgresql,db2") == "verify-full")
      #expect(try mode("postgresql:///db?host=/run/postgresql") == nil)
      #expect(try mode("postgresql://127.0.0.1/db") == "verify-full")
    }

    @Test func `over a network a server shows its certificate, and a password comes from a file`()
      async throws
    {
      let (scratch, network) = (try ScratchFolder(), Loopback.random())
      let server = try await PostgreSQLServer(at: network.address(20))
      let local = try await server.makeDatabase()
      let name = String(try #require(local.split(separator: "/")[2].split(separator: "?").first))
      let address = server.address(of: name, over: network.address(20))
      func open(_ address: String, password: String) throws -> Store {
        let file = try scratch.write("pgpass", "*:*:*:*:\(password)\n")
        let home = try StateDirectory(
          path: scratch.path + "/state", database: try DatabaseLocation(address + "&passfile=\(file)"))
        return try Store(home: home)
      }
      _ = try open(address, password: PostgreSQLServer.password)
      #expect(throws: PostgreSQLError.self) { try open(address, password: "another one") }
      #expect {
        try open(address.replacing("@\(PostgreSQLServer.name)", with: "@other.example"), password: "x")
      } throws: { "\($0)".contains("does not match host name") }
      try await SelfSigned.make(PostgreSQLServer.name, in: scratch.path)
      #expect {
        try open(
          address.replacing(server.folder + "/cert.pem", with: scratch.path + "/cert.pem"), password: "x")
      } throws: { "\($0)".contains("certificate verify failed") }
    }

    @Test func `a server that is not there, and an empty database, are told as such`() async throws {
      let scratch = try ScratchFolder()
      func home(_ address: String) throws -> StateDirectory {
        try StateDirectory(path: scratch.path + "/state", database: try DatabaseLocation(address))
      }
      #expect { try Store(home: try home("postgresql:///db?host=\(scratch.path)")) } throws: {
        "\($0)".contains("the database: connection to server") && "\($0)".contains(scratch.path)
      }
      let server = try await PostgreSQLServer()
      let address = try await server.makeDatabase()
      #expect { try Store(home: try home(address), makes: false) } throws: {
        "\($0)".contains("has no state of certfleet")
      }
      // A controller without the key is told where to get it.
      _ = try Store(home: try home(address))
      let other = try StateDirectory(path: scratch.path + "/other", database: try DatabaseLocation(address))
      #expect { try Store(home: other) } throws: { "\($0)".contains("copy it from a controller that has it") }
      // A later version's tables are left alone.
      try await server.run("UPDATE schema_version SET version = 99", in: address)
      #expect { try Store(home: try home(address)) } throws: {
        "\($0)".contains("written by a newer certfleet")
      }
    }
  }
#endif
