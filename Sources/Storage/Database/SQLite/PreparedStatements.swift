import CSQLite

/// Statements that were prepared once and are used again: to prepare one costs more than to run it, and a rollout runs the
/// same few tens of thousands of times.
final class PreparedStatements {
  /// Those that nobody is using.
  private var idle: [String: OpaquePointer] = [:]

  /// Beyond what there is text for in the stores, statements are made for one use.
  private static let most = 200

  deinit { for statement in idle.values { sqlite3_finalize(statement) } }

  /// For one use at a time: while it is out, the same text is prepared anew.
  func take(_ sql: String, on handle: OpaquePointer) throws(SQLiteError) -> OpaquePointer {
    if let statement = idle.removeValue(forKey: sql) { return statement }
    var prepared: OpaquePointer?
    let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard status == SQLITE_OK, let prepared else { throw SQLiteError(handle, code: status, sql: sql) }
    return prepared
  }

  /// Without its values: a key may be among them.
  func giveBack(_ statement: OpaquePointer, _ sql: String) {
    sqlite3_reset(statement)
    sqlite3_clear_bindings(statement)
    if idle.count < Self.most, idle[sql] == nil {
      idle[sql] = statement
    } else {
      sqlite3_finalize(statement)
    }
  }
}
