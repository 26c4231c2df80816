import CSQLite
import FoundationEssentials

/// One connection to one database file. It is used by the store's actor alone.
final class SQLiteConnection: Database {
  private let handle: OpaquePointer
  private let statements = PreparedStatements()

  /// Opens or makes the file.
  init(path: String) throws(SQLiteError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let status = sqlite3_open_v2(path, &opened, flags, nil)
    guard status == SQLITE_OK, let opened else {
      let error = SQLiteError(opened, code: status, sql: "open")
      sqlite3_close_v2(opened)
      throw error
    }
    handle = opened
    sqlite3_extended_result_codes(opened, 1)
    // Another certfleet may hold the file for the length of one commit.
    sqlite3_busy_timeout(opened, 10_000)
    // The rollback journal and not WAL: SQLite before 3.51.3 can corrupt a WAL database when it resets the log.
    try execute(
      "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -1000; PRAGMA secure_delete = ON"
    )
  }

  /// With the last of its statements (sqlite3_close_v2).
  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give no rows and take no values.
  func execute(_ sql: String) throws(SQLiteError) {
    let status = sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else { throw SQLiteError(handle, code: status, sql: sql) }
  }

  func rows<Row>(_ sql: String, _ values: [DatabaseValue], _ read: (any DatabaseRow) throws -> Row) throws
    -> [Row]
  {
    let statement = try statements.take(sql, on: handle)
    defer { statements.giveBack(statement, sql) }
    for (index, value) in values.enumerated() {
      let status = value.bind(to: statement, at: Int32(index + 1))
      guard status == SQLITE_OK else { throw SQLiteError(handle, code: status, sql: sql) }
    }
    var rows: [Row] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: rows.append(try read(SQLiteRow(statement: statement)))
      case SQLITE_DONE: return rows
      case let status: throw SQLiteError(handle, code: status, sql: sql)
      }
    }
  }

  func run(_ sql: String, _ values: [DatabaseValue]) throws { _ = try rows(sql, values) { _ in () } }

  func json(_ column: String, at key: String) -> String { "json_extract(\(column), '$.\(key)')" }

  func json(_ column: String, emptying keys: [String]) -> String {
    "json_replace(\(column), \(keys.map { "'$.\($0)', ''" }.joined(separator: ", ")))"
  }

  func countRevision() {}

  /// Syncing the disk takes its time.
  var pace: Duration { .zero }

  var nextEpoch: String { "(SELECT COALESCE(MAX(epoch), 0) + 1 FROM lease)" }

  /// It is by what is in the table.
  func countEpochs(from epoch: Int) {}

  /// PRAGMA data_version.
  func revision() throws -> Int { try rows("PRAGMA data_version", []) { $0.integer(0) }.first ?? 0 }

  /// Pages, records and their order (sqlite.org/pragma.html, quick_check); not what is in them, for which there are seals.
  func damage() throws -> [String] {
    try rows("PRAGMA quick_check(5)", []) { $0.text(0) }.filter { $0 != "ok" }
  }

  func bytesInUse() throws -> Int {
    func pragma(_ name: String) throws -> Int { try rows("PRAGMA \(name)", []) { $0.integer(0) }.first ?? 0 }
    return try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
  }

  /// Copies everything to a new file while others go on writing (sqlite3_backup_init).
  func copy(to path: String) throws {
    let target = try SQLiteConnection(path: path)
    guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
      throw SQLiteError(target.handle, code: sqlite3_errcode(target.handle), sql: "backup")
    }
    var status = sqlite3_backup_step(backup, -1)
    // Another process writes at this moment.
    for _ in 0..<200 where status & 0xff == SQLITE_BUSY || status & 0xff == SQLITE_LOCKED {
      sqlite3_sleep(50)
      status = sqlite3_backup_step(backup, -1)
    }
    sqlite3_backup_finish(backup)
    guard status == SQLITE_DONE else { throw SQLiteError(target.handle, code: status, sql: "backup") }
    // One file, with no journal beside it.
    try target.execute("PRAGMA journal_mode = DELETE")
  }

  func letEventsGo(_ body: () throws -> Void) throws {
    try execute("DROP TRIGGER event_is_never_removed")
    try body()
    try execute(Migrations.eventIsNeverRemoved)
  }

  /// There is one writer, whatever it writes.
  func transaction<Result>(_ scope: TransactionScope = .whole, _ body: () throws -> Result) throws -> Result {
    try execute("BEGIN IMMEDIATE")
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // Some failures (a full disk) have rolled back already; then there is nothing to roll back.
      try? execute("ROLLBACK")
      throw error
    }
  }
}
