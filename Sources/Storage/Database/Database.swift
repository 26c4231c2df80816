import Fleet
import FoundationEssentials

/// What the stores need of a database. Their SQL is such as SQLite and PostgreSQL both take (`?` stands for a value); how it is opened,
/// its schema, and what a transaction is, are a driver's own.
protocol Database: AnyObject {
  /// Every row of one statement, read by `read`.
  func rows<Row>(_ sql: String, _ values: [DatabaseValue], _ read: (any DatabaseRow) throws -> Row) throws
    -> [Row]

  /// One statement that gives no rows. In a transaction its failure may be told by what comes after it.
  func run(_ sql: String, _ values: [DatabaseValue]) throws

  /// What reads a member of an object that is in a column of JSON.
  func json(_ column: String, at key: String) -> String

  /// What reads the object in a column of JSON with empty texts in the place of these members.
  func json(_ column: String, emptying keys: [String]) -> String

  /// A number that is another one once somebody else has written.
  func revision() throws -> Int

  /// How long commits are apart where several events come at a time, so that each takes more of them with it.
  var pace: Duration { get }

  /// What is declared or pinned has changed; where the driver does not see that by itself, it counts.
  func countRevision() throws

  /// What gives an epoch that is higher than all before.
  var nextEpoch: String { get }

  /// Makes it higher than this one.
  func countEpochs(from epoch: Int) throws

  /// What is wrong with what is on the disk; empty where nothing is.
  func damage() throws -> [String]

  /// How many bytes what is stored takes; what was deleted takes none, though a file may keep its place.
  func bytesInUse() throws -> Int

  /// Copies everything to a new file, whole, while others go on writing.
  func copy(to path: String) throws

  /// Lets events be removed until the transaction ends.
  func letEventsGo(_ body: () throws -> Void) throws

  /// Runs `body` in one transaction, which writes all or nothing. It may be run again from its beginning, when nothing of it was kept.
  func transaction<Result>(_ scope: TransactionScope, _ body: () throws -> Result) throws -> Result
}

/// What a transaction shuts out.
enum TransactionScope: Equatable {
  /// Everybody else who writes.
  case whole
  /// Who writes to the same chain of the log, or to the whole.
  case recording(String)
  /// Nobody; it only reads, and sees one moment.
  case reading
}

extension Database {
  func rows<Row>(_ sql: String, _ read: (any DatabaseRow) throws -> Row) throws -> [Row] {
    try rows(sql, [], read)
  }

  /// The same, where nothing is to be kept of a row.
  func run(_ sql: String, _ values: [DatabaseValue] = [], forEach read: (any DatabaseRow) throws -> Void)
    throws
  {
    _ = try rows(sql, values, read)
  }

  func run(_ sql: String) throws { try run(sql, []) }

  /// The same for an INSERT … RETURNING of one number.
  func insert(_ sql: String, _ values: [DatabaseValue]) throws -> Int {
    try rows(sql, values) { $0.integer(0) }.first ?? 0
  }
}

/// A value on its way into a statement.
enum DatabaseValue {
  case null
  case integer(Int)
  case real(Double)
  case text(String)
  case blob(Data)

  static func moment(_ date: Date) -> DatabaseValue { .real(date.timeIntervalSince1970) }
  static func optional(_ text: String?) -> DatabaseValue { text.map(DatabaseValue.text) ?? .null }
  static func optional(_ number: Int?) -> DatabaseValue { number.map(DatabaseValue.integer) ?? .null }
}

/// The row that a statement stands on; it is valid only inside the closure that it is given to. Columns count from 0.
protocol DatabaseRow {
  func isNull(_ column: Int32) -> Bool
  func integer(_ column: Int32) -> Int
  func real(_ column: Int32) -> Double
  func text(_ column: Int32) -> String
  /// Whether it is this text.
  func isText(_ column: Int32, _ text: String) -> Bool
  func blob(_ column: Int32) -> Data
}

extension DatabaseRow {
  func moment(_ column: Int32) -> Date { Date(timeIntervalSince1970: real(column)) }
  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
  func optionalInteger(_ column: Int32) -> Int? { isNull(column) ? nil : integer(column) }
  func optionalMoment(_ column: Int32) -> Date? { isNull(column) ? nil : moment(column) }

  func json<Value: Decodable>(_ column: Int32, as type: Value.Type = Value.self) throws -> Value {
    try FleetJSON.decode(text(column))
  }
}
