import CSQLite

public enum SQLite {
  /// Of the library that this program runs with, as in `3.40.1`.
  public static var version: String { String(cString: sqlite3_libversion()) }
}
