#if PostgreSQL
  import CPostgreSQL
  import Fleet

  /// What the server or libpq said, and the statement without its values.
  package struct PostgreSQLError: Error, CustomStringConvertible {
    /// PostgreSQL's documentation, appendix A; empty where the server said nothing.
    package let state: String
    package let message: String
    let sql: String
    /// Whether the connection is gone, or will be: what was not committed was taken back.
    package let isConnectionLost: Bool

    /// - Parameter result: `nil` where it is the connection that failed.
    init(_ handle: OpaquePointer?, _ result: OpaquePointer?, sql: String) {
      func field(_ code: Character) -> String? {
        guard let result, let value = PQresultErrorField(result, Int32(code.asciiValue ?? 0)) else {
          return nil
        }
        return String(cString: value)
      }
      state = field("C") ?? ""
      message =
        (field("M") ?? handle.map { String(cString: PQerrorMessage($0)) } ?? "")
        .split(separator: "\n").map(\.trimmed).joined(separator: "; ").visible
      self.sql = sql
      isConnectionLost =
        state.isEmpty || Self.lost.contains(state) || handle.map { PQstatus($0) != CONNECTION_OK } ?? true
    }

    init(_ message: String) { (state, self.message, sql, isConnectionLost) = ("", message, "", false) }

    /// It shuts down, starts, recovers, or has become a standby; or it was waited for in vain.
    private static let lost: Set = [
      "57P01", "57P02", "57P03", "57P05", "25P03", "25006", "08006", "08003", "08P01",
    ]

    /// Raised by the schema's functions.
    static let leaseLost = "CF001"

    /// Two transactions stood in each other's way; the same again succeeds.
    var isConflict: Bool { state == "40001" || state == "40P01" }

    package var description: String {
      switch state {
      case "53100": "the database server's disk is full; free some space there and run again"
      case "42501": "the database does not let this user do it (\(message)); it has to own the tables"
      case "55P03": "somebody holds what this needs in the database (\(message)); try again"
      case "": "the database: \(message)"
      default: "\(message) (PostgreSQL \(state)\(sql.isEmpty ? "" : ", in: \(sql.prefix(120))"))"
      }
    }
  }
#endif
