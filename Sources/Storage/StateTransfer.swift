#if PostgreSQL
  import Fleet
  package import FoundationEssentials
  import PKI

  /// Copies a state from its folder to a server's database. It is there whole or not at all, and the folder's own is left as it was,
  /// but for a mark that it has moved.
  package struct StateTransfer {
    private let home: StateDirectory
    private let address: PostgreSQLAddress
    private let source: SQLiteConnection
    private let sealing: SealingKey

    package struct Result: Sendable {
      /// Rows, by table.
      package var rows: [String: Int] = [:]
      /// Events that the chain vouches for, in both.
      package var events = 0
    }

    package struct Refused: Error, CustomStringConvertible {
      package let description: String
    }

    package init(from home: StateDirectory, to address: PostgreSQLAddress) throws {
      (self.home, self.address) = (home, address)
      sealing = try home.sealingKey(isNew: false)
      source = try SQLiteConnection(path: home.databasePath)
      try Migrations.migrate(source, sealing: sealing)
      try Moved.check(source)
      try Seals.check(sealing, on: source)
      if let loss = try LogChain(name: "", database: source, sealing: sealing).cutOff() { throw loss }
    }

    /// Nobody else may be at work; the caller has the lease.
    package func run(now: Date) throws -> Result {
      let target = try PostgreSQLConnection(address)
      let isThere = try PostgreSQLSchema.isThere(target)
      _ = try PostgreSQLSchema.migrate(target, makes: true) { _ in sealing }
      // One that was stopped before it could leave the mark.
      let isCopied = try isThere && !target.rows("SELECT 1 FROM controller", { $0.integer(0) }).isEmpty
      var result = Result()
      if !isCopied {
        result = try target.transaction(.whole) { try copy(to: target) }
      }
      try compare(with: target, &result)
      try source.transaction { try Moved.mark(source, to: address, now: now) }
      return result
    }

    private func copy(to target: PostgreSQLConnection) throws -> Result {
      var result = Result()
      // The seals of a log that has nothing in it.
      try target.run("DELETE FROM seal")
      for table in PostgreSQLSchema.copied {
        let columns = try source.rows("SELECT name FROM pragma_table_info(?) ORDER BY cid", [.text(table)]) {
          $0.text(0)
        }
        let names = columns.map { "\"\($0)\"" }.joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = "INSERT INTO \(table) (\(names)) VALUES (\(places))"
        var count = 0
        try source.run("SELECT \(names) FROM \(table)") { row in
          guard let row = row as? SQLiteRow else { return }
          try target.run(insert, columns.indices.map { row.value(Int32($0)) })
          count += 1
        }
        result.rows[table] = count
      }
      for table in PostgreSQLSchema.numbered {
        try target.run(
          "SELECT setval(pg_get_serial_sequence('\(table)', 'id'), (SELECT MAX(id) FROM \(table))) FROM \(table) LIMIT 1"
        )
      }
      try target.run("SELECT setval('epoch', MAX(epoch)) FROM lease HAVING MAX(epoch) IS NOT NULL")
      return result
    }

    /// What was copied, and nothing else, is there.
    private func compare(with target: PostgreSQLConnection, _ result: inout Result) throws {
      for table in PostgreSQLSchema.copied {
        let counts = try [source as any Database, target].map {
          try $0.rows("SELECT count(*) FROM \(table)") { $0.integer(0) }.first ?? 0
        }
        guard counts[0] == counts[1] else {
          throw Refused(
            description:
              "\(address) has another state, or more than this one: \(counts[1]) rows in \(table) and not \(counts[0]); name an empty database"
          )
        }
        result.rows[table] = counts[0]
      }
      let counts = try [source as any Database, target].map { database in
        let log = LogChain(name: "", database: database, sealing: sealing)
        let walked = try log.walk(after: try log.first())
        if let altered = walked.firstAltered {
          throw Refused(description: "event \(altered) is not what was recorded; see: certfleet log --verify")
        }
        if let loss = try log.cutOff() { throw loss }
        return walked.count
      }
      guard counts[0] == counts[1] else {
        throw Refused(description: "\(address) has \(counts[1]) events, and \(counts[0]) are stored here")
      }
      result.events = counts[1]
    }
  }

  extension SQLiteRow {
    fileprivate func value(_ column: Int32) -> DatabaseValue {
      switch type(column) {
      case .integer: .integer(integer(column))
      case .real: .real(real(column))
      case .text: .text(text(column))
      case .blob: .blob(blob(column))
      case .null: .null
      }
    }
  }
#endif
