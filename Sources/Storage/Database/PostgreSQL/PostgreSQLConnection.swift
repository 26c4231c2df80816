#if PostgreSQL
  import CPostgreSQL
  import Fleet
  import FoundationEssentials
  import Glibc
  import System

  /// One connection to one server. It is used by the store's actor alone.
  ///
  /// What only writes inside a transaction is sent without waiting (libpq's pipeline mode), and its failure is told by the next
  /// question or by the commit: a transaction takes as many round trips as it has questions, and one.
  final class PostgreSQLConnection: Database {
    let address: PostgreSQLAddress
    private(set) var handle: OpaquePointer
    /// What was sent and not answered yet.
    private var sent: [Sent] = []
    private var prepared: [Prepared: String] = [:]
    /// Somebody between us and the server gives each transaction to another of its sessions: nothing is kept in one.
    private(set) var isPooled = true
    private var preparations = 0
    /// How often an answer was waited for.
    private(set) var roundTrips = 0
    var isInTransaction = false
    /// By which can be asked what became of it; `nil` where nobody has waited for the server yet.
    var transactionNumber: String?
    /// Of the transaction that is going on: it cannot be committed any more.
    var failureInTransaction: (any Error)?
    /// For how many seconds a connection that was lost is tried for, whatever is asked meanwhile.
    var patience = 600.0
    /// Once it is requested the server is not waited for as long.
    var stop: StopSignal?
    private static let patienceOnceStopped = 20.0
    private var lostAt: TimeInterval?

    /// A statement that the server has parsed under a name.
    private struct Prepared: Hashable {
      let sql: String
      let types: [Oid]
    }

    private enum Sent {
      case preparation(Prepared)
      case statement(sql: String)
      /// What tells the transaction's number.
      case number

      var sql: String {
        switch self {
        case .preparation(let prepared): prepared.sql
        case .statement(let sql): sql
        case .number: PostgreSQLConnection.numberOfTransaction
        }
      }
    }

    private let isPatient: Bool

    /// - Parameter isPatient: whether a connection that is lost is made anew.
    init(_ address: PostgreSQLAddress, isPatient: Bool = true) throws {
      (self.address, self.isPatient) = (address, isPatient)
      handle = try Self.connect(address)
      // A pooler shows a number of its own instead of the server's process.
      isPooled = try introduce() != Int(PQbackendPID(handle))
    }

    /// The server, too, gives one up that is gone without a word: it may hold what others wait for.
    ///
    /// - Returns: the server's process.
    private func introduce() throws -> Int {
      var process = 0
      let settings = PostgreSQLAddress.serverSettings.map { "set_config('\($0)', '\($1)', false)" }
      try send("SELECT pg_backend_pid(), \(settings.joined(separator: ", "))", [])
      try receive { process = $0.integer(0) }
      return process
    }

    deinit { PQfinish(handle) }

    static func connect(_ address: PostgreSQLAddress) throws -> OpaquePointer {
      let parameters = try address.parameters
      let (names, values) = (parameters.map(\.name), parameters.map(\.value))
      let opened = names.withCStrings { names in
        values.withCStrings { PQconnectdbParams(names, $0, 0) }
      }
      guard let opened else { throw PostgreSQLError("out of memory") }
      guard PQstatus(opened) == CONNECTION_OK else {
        defer { PQfinish(opened) }
        throw PostgreSQLError(opened, nil, sql: "")
      }
      // What the server has to say beside its answers is not for a terminal.
      PQsetNoticeProcessor(opened, { _, _ in }, nil)
      PQenterPipelineMode(opened)
      return opened
    }

    /// Connects anew until it succeeds.
    ///
    /// - Throws: what it failed with last, when `patience` is over. From then on each statement tries once.
    func reconnect(after error: PostgreSQLError) throws {
      guard isPatient else { throw error }
      let lostAt = self.lostAt ?? ProcessInfo.processInfo.systemUptime
      self.lostAt = lostAt
      var pause: UInt32 = 100_000
      while true {
        (sent, prepared) = ([], [:])
        do {
          let opened = try Self.connect(address)
          PQfinish(handle)
          handle = opened
          _ = try introduce()
          self.lostAt = nil
          return
        } catch let failure as PostgreSQLError {
          let isStopped = stop?.isRequested ?? false
          let longest = isStopped ? min(patience, Self.patienceOnceStopped) : patience
          guard ProcessInfo.processInfo.systemUptime - lostAt < longest else { throw failure }
          usleep(pause)
          pause = min(pause * 2, 2_000_000)
        }
      }
    }

    // MARK: Statements

    func rows<Row>(_ sql: String, _ values: [DatabaseValue], _ read: (any DatabaseRow) throws -> Row) throws
      -> [Row]
    {
      try whileConnected {
        var rows: [Row] = []
        try send(sql, values)
        try receive { rows.append(try read($0)) }
        return rows
      }
    }

    func run(_ sql: String, _ values: [DatabaseValue]) throws {
      try whileConnected {
        try send(sql, values)
        // Both sides would wait for each other when neither read any more.
        if !isInTransaction || sent.count >= 500 { try receive() }
      }
    }

    /// Outside of a transaction a statement is asked again where the connection was lost; a transaction is begun again as a whole.
    private func whileConnected<Value>(_ body: () throws -> Value) throws -> Value {
      while true {
        do { return try body() } catch let error as PostgreSQLError
          where error.isConnectionLost && !isInTransaction
        {
          try reconnect(after: error)
        }
      }
    }

    func send(_ sql: String, _ values: [DatabaseValue]) throws {
      let wanted = Prepared(sql: sql, types: values.map(\.type))
      if !isPooled, prepared[wanted] == nil {
        preparations += 1
        let name = "s\(preparations)"
        let count = Int32(values.count)
        guard PQsendPrepare(handle, name, sql.withNumberedPlaces, count, wanted.types) == 1 else {
          throw lost(sql)
        }
        sent.append(.preparation(wanted))
        prepared[wanted] = name
      }
      let bytes = values.map(\.bytes)
      let formats = values.map { _ in Int32(1) }
      let isSent = bytes.withPointers { pointers, lengths in
        if let name = prepared[wanted] {
          PQsendQueryPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 1)
        } else {
          PQsendQueryParams(
            handle, sql.withNumberedPlaces, Int32(values.count), wanted.types, pointers, lengths, formats, 1)
        }
      }
      guard isSent == 1 else { throw lost(sql) }
      sent.append(.statement(sql: sql))
    }

    static let numberOfTransaction = "SELECT CAST(pg_current_xact_id() AS text)"

    /// Asks for the transaction's number without waiting for it.
    func sendForNumber() throws {
      try send(Self.numberOfTransaction, [])
      sent[sent.count - 1] = .number
    }

    private func lost(_ sql: String) -> PostgreSQLError { PostgreSQLError(handle, nil, sql: sql) }

    /// Waits for all answers. The first failure is thrown when all are there.
    ///
    /// - Parameter read: takes the rows of what was sent last, one at a time, so that a log of years needs no more memory than one
    ///   row of it.
    func receive(_ read: (any DatabaseRow) throws -> Void = { _ in }) throws {
      guard PQpipelineSync(handle) == 1 else { throw lost("") }
      roundTrips += 1
      let waiting = sent
      sent = []
      var failure: (any Error)?
      for (number, item) in waiting.enumerated() {
        let isLast = number == waiting.count - 1
        if isLast { PQsetSingleRowMode(handle) }
        while let result = PQgetResult(handle) {
          defer { PQclear(result) }
          switch PQresultStatus(result) {
          case PGRES_SINGLE_TUPLE where isLast && failure == nil:
            do { try read(PostgreSQLRow(result: result)) } catch { failure = error }
          case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE:
            if case .number = item, PQntuples(result) == 1 {
              transactionNumber = PostgreSQLRow(result: result).text(0)
            }
          case PGRES_COMMAND_OK: break
          default:
            let error = PostgreSQLError(handle, result, sql: item.sql)
            if case .preparation(let key) = item { prepared[key] = nil }
            // Those behind it only say that they were not run.
            if failure == nil { failure = error }
            if PQstatus(handle) != CONNECTION_OK { throw failure ?? error }
          }
        }
      }
      // The answer to the synchronization itself.
      guard let end = PQgetResult(handle) else { throw failure ?? lost("") }
      PQclear(end)
      if let failure {
        failureInTransaction = failureInTransaction ?? failure
        throw failure
      }
    }
  }
#endif
