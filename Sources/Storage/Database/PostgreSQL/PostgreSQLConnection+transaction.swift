#if PostgreSQL
  import FoundationEssentials
  import Glibc

  extension PostgreSQLConnection {
    /// Whoever writes what others decide from holds the first of these locks alone, as SQLite has it; who records what happened on
    /// hosts shares it, and holds that of the own chain. They go with the transaction.
    private enum Lock {
      static let fleet = 0x6365_7274_666c_6565
    }

    func transaction<Result>(_ scope: TransactionScope, _ body: () throws -> Result) throws -> Result {
      while true {
        do { return try attempt(scope, body) } catch let error as PostgreSQLError where error.isConflict {
          usleep(.random(in: 1000...50_000))
        } catch let error as PostgreSQLError where error.isConnectionLost {
          try reconnect(after: error)
        }
      }
    }

    /// One that is not known to have been taken back is never tried again.
    private func attempt<Result>(_ scope: TransactionScope, _ body: () throws -> Result) throws -> Result {
      precondition(!isInTransaction, "one transaction at a time")
      (isInTransaction, failureInTransaction, transactionNumber) = (true, nil, nil)
      defer { isInTransaction = false }
      let result: Result
      do {
        try begin(scope)
        result = try body()
        if let failureInTransaction { throw failureInTransaction }
        // What became of it can be asked for only by its number.
        if scope != .reading, transactionNumber == nil { try receive() }
      } catch {
        rollBack(after: error)
        throw error
      }
      do { try end("COMMIT") } catch let error as PostgreSQLError where error.isConnectionLost {
        isInTransaction = false
        guard let transactionNumber, try isCommitted(transactionNumber, after: error) else { throw error }
      } catch {
        // Something that was sent before it failed, and it was not run.
        rollBack(after: error)
        throw error
      }
      return result
    }

    private func rollBack(after error: any Error) {
      if (error as? PostgreSQLError)?.isConnectionLost != true { try? end("ROLLBACK") }
    }

    private func begin(_ scope: TransactionScope) throws {
      if scope == .reading { return try send("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", []) }
      try send("BEGIN", [])
      // A controller that stands still holds nobody up for longer.
      try send("SET LOCAL idle_in_transaction_session_timeout = '10s'", [])
      try send("SET LOCAL lock_timeout = '120s'", [])
      switch scope {
      case .recording(let chain):
        try send("SELECT pg_advisory_xact_lock_shared(?)", [.integer(Lock.fleet)])
        try send("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [.text(chain)])
      case .whole, .reading: try send("SELECT pg_advisory_xact_lock(?)", [.integer(Lock.fleet)])
      }
      try sendForNumber()
    }

    private func end(_ word: String) throws {
      try send(word, [])
      try receive()
    }

    /// Whether the server has it on its disk. One that fails over to a copy that lags behind may never have heard of it.
    ///
    /// - Throws: `CommitUnknown`, where it cannot be asked.
    private func isCommitted(_ number: String, after error: PostgreSQLError) throws -> Bool {
      do {
        try reconnect(after: error)
        while true {
          let status = try rows(
            "SELECT COALESCE(pg_xact_status(CAST(CAST(? AS text) AS xid8)), '')", [.text(number)]
          ) { $0.text(0) }.first
          guard status == "in progress" else { return status == "committed" }
          usleep(100_000)
        }
      } catch let error as PostgreSQLError {
        // It answers that it has never had such a number.
        guard error.isConnectionLost else { return false }
        throw CommitUnknown(
          description: "whether the database has kept what it was told is not known: \(error)")
      }
    }

    /// It must not be written again.
    struct CommitUnknown: Error, CustomStringConvertible {
      let description: String
    }
  }
#endif
