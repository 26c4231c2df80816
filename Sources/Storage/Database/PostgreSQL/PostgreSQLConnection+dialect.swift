#if PostgreSQL
  import FoundationEssentials

  /// What PostgreSQL says otherwise than SQLite.
  extension PostgreSQLConnection {
    func json(_ column: String, at key: String) -> String { "(CAST(\(column) AS json) ->> '\(key)')" }

    func json(_ column: String, emptying keys: [String]) -> String {
      let empty = keys.map { "\"\($0)\":\"\"" }.joined(separator: ",")
      return "CAST(CAST(\(column) AS jsonb) || '{\(empty)}' AS text)"
    }

    /// A commit is soon done, and costs the server and us a round trip or two each time.
    var pace: Duration { .milliseconds(20) }

    var nextEpoch: String { "nextval('epoch')" }

    func countEpochs(from epoch: Int) throws {
      _ = try rows("SELECT setval('epoch', GREATEST(?, (SELECT last_value FROM epoch)))", [.integer(epoch)]) {
        _ in ()
      }
    }

    func countRevision() throws { try run("UPDATE revision SET number = number + 1") }

    func revision() throws -> Int { try rows("SELECT number FROM revision") { $0.integer(0) }.first ?? 0 }

    /// What is on its disks is the server's to look after (initdb(1), --data-checksums; pg_amcheck(1)).
    func damage() throws -> [String] { [] }

    func bytesInUse() throws -> Int {
      try rows("SELECT pg_database_size(current_database())") { $0.integer(0) }.first ?? 0
    }

    func copy(to path: String) throws { throw IsNoFile() }

    func letEventsGo(_ body: () throws -> Void) throws {
      try run("SET LOCAL certfleet.archiving = 'yes'")
      try body()
      try run("SET LOCAL certfleet.archiving = ''")
    }

    struct IsNoFile: Error, CustomStringConvertible {
      let description =
        "the state is in PostgreSQL, and is backed up with it: pg_dump(1), or pg_basebackup(1) and its write-ahead log; keep sealing.key apart from that"
    }
  }
#endif
