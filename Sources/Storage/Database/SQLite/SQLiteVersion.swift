import CSQLite

package enum SQLite {
  /// Of the library that this program runs with, as in `3.40.1`.
  package static var version: String { String(cString: sqlite3_libversion()) }
}
