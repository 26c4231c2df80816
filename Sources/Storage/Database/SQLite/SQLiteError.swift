import CSQLite

/// A database call that failed: SQLite's code and words, and the statement without its values.
package struct SQLiteError: Error, CustomStringConvertible {
  /// SQLite's extended result code.
  package let code: Int32
  package let message: String
  package let sql: String

  init(_ handle: OpaquePointer?, code: Int32, sql: String) {
    self.code = code
    self.message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
    self.sql = sql
  }

  /// What it means to an operator and what to do, by SQLite's primary result code.
  package var description: String {
    switch code & 0xff {
    case SQLITE_FULL: "the disk with the database is full; free some space and run again"
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      "the database is damaged (\(message)); restore the last backup of the state folder"
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN:
      "the database cannot be written (\(message)); check the owner and mode of the state folder"
    case SQLITE_BUSY, SQLITE_LOCKED: "the database is held by another program; try again when it has ended"
    case SQLITE_IOERR: "the disk with the database reports an error (\(message))"
    default: "\(message) (SQLite \(code), in: \(sql.prefix(120)))"
    }
  }
}
