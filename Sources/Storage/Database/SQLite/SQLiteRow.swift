import CSQLite
import FoundationEssentials

extension DatabaseValue {
  func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
    switch self {
    case .null: sqlite3_bind_null(statement, index)
    case .integer(let value): sqlite3_bind_int64(statement, index, Int64(value))
    case .real(let value): sqlite3_bind_double(statement, index, value)
    case .text(let value):
      value.utf8.withContiguousStorageIfAvailable {
        certfleet_bind_text(statement, index, $0.baseAddress, Int32($0.count))
      } ?? certfleet_bind_text(statement, index, value, Int32(value.utf8.count))
    case .blob(let value):
      value.withUnsafeBytes { certfleet_bind_blob(statement, index, $0.baseAddress, Int32($0.count)) }
    }
  }
}

struct SQLiteRow: DatabaseRow {
  let statement: OpaquePointer

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

  enum Kind {
    case integer, real, text, blob, null
  }

  func type(_ column: Int32) -> Kind {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: .integer
    case SQLITE_FLOAT: .real
    case SQLITE_TEXT: .text
    case SQLITE_BLOB: .blob
    default: .null
    }
  }

  func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }

  func real(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }

  func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(statement, column) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func isText(_ column: Int32, _ text: String) -> Bool {
    guard let start = sqlite3_column_text(statement, column) else { return false }
    let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
    return bytes.elementsEqual(text.utf8)
  }

  func blob(_ column: Int32) -> Data {
    guard let start = sqlite3_column_blob(statement, column) else { return Data() }
    return Data(bytes: start, count: Int(sqlite3_column_bytes(statement, column)))
  }
}
