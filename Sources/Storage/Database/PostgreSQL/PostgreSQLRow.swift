#if PostgreSQL
  import CPostgreSQL
  import FoundationEssentials

  /// The types whose values go to and fro in their binary form (pg_type.dat of PostgreSQL's sources).
  enum PostgreSQLType {
    static let (bytea, int8, text, float8): (Oid, Oid, Oid, Oid) = (17, 20, 25, 701)
    /// The server sees from the statement which it is.
    static let unknown: Oid = 0
  }

  /// A row whose values came in their binary form: numbers with the most significant byte first.
  struct PostgreSQLRow: DatabaseRow {
    let result: OpaquePointer

    private func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: PQgetvalue(result, 0, column), count: Int(PQgetlength(result, 0, column)))
    }

    func isNull(_ column: Int32) -> Bool { PQgetisnull(result, 0, column) == 1 }

    /// Of any width.
    func integer(_ column: Int32) -> Int {
      if PQftype(result, column) == PostgreSQLType.float8 { return Int(real(column)) }
      let bytes = bytes(column)
      guard let first = bytes.first else { return 0 }
      return bytes.dropFirst().reduce(Int(Int8(bitPattern: first))) { $0 << 8 | Int($1) }
    }

    func real(_ column: Int32) -> Double {
      guard PQftype(result, column) == PostgreSQLType.float8 else { return Double(integer(column)) }
      let bytes = bytes(column)
      guard bytes.count == 8 else { return 0 }
      return Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func isText(_ column: Int32, _ text: String) -> Bool { bytes(column).elementsEqual(text.utf8) }

    func blob(_ column: Int32) -> Data { Data(bytes(column)) }
  }

  extension DatabaseValue {
    var type: Oid {
      switch self {
      case .null: PostgreSQLType.unknown
      case .integer: PostgreSQLType.int8
      case .real: PostgreSQLType.float8
      case .text: PostgreSQLType.text
      case .blob: PostgreSQLType.bytea
      }
    }

    /// In the type's binary form; `nil` is NULL.
    var bytes: [UInt8]? {
      switch self {
      case .null: nil
      case .integer(let value): withUnsafeBytes(of: Int64(value).bigEndian, Array.init)
      case .real(let value): withUnsafeBytes(of: value.bitPattern.bigEndian, Array.init)
      case .text(let value): Array(value.utf8)
      case .blob(let value): Array(value)
      }
    }
  }
#endif
