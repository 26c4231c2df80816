import FoundationEssentials
import PKI

/// Where a controller's state is stored.
package enum DatabaseLocation: Hashable, Sendable {
  /// In the state folder, by SQLite.
  case file
  /// With a server that several controllers share.
  case postgreSQL(PostgreSQLAddress)

  package static let variable = "CERTFLEET_DATABASE"

  /// - Parameter address: empty is the state folder.
  package init(_ address: String) throws {
    self = address.isEmpty ? .file : .postgreSQL(try PostgreSQLAddress(address))
  }
}

extension StateDirectory {
  /// The database and the key that it is sealed with, brought to this version's schema.
  ///
  /// - Parameter makes: whether a server's database may be made one of ours.
  func openDatabase(makes: Bool) throws -> (any Database, SealingKey) {
    switch location {
    case .file:
      let sealing = try sealingKey(isNew: isDatabaseEmpty)
      let opened = try SQLiteConnection(path: databasePath)
      try Migrations.migrate(opened, sealing: sealing)
      try Moved.check(opened)
      return (opened, sealing)
    case .postgreSQL(let address):
      #if PostgreSQL
        let opened = try PostgreSQLConnection(address)
        guard
          let sealing = try PostgreSQLSchema.migrate(opened, makes: makes, key: { try sealingKey(isNew: $0) })
        else { throw NoTables(address: address) }
        return (opened, sealing)
      #else
        throw NoTables(address: address)
      #endif
    }
  }

  /// The server is there, and its database is empty.
  package struct NoTables: Error, Hashable, CustomStringConvertible {
    let address: PostgreSQLAddress
    package var description: String {
      "\(address) has no state of certfleet; check \(DatabaseLocation.variable), or make it with 'certfleet apply' or 'certfleet migrate'"
    }
  }

  /// Whether there is a state at `path`; asking makes nothing.
  package static func exists(at path: String, _ location: DatabaseLocation) throws -> Bool {
    switch location {
    case .file: exists(at: path)
    case .postgreSQL(let address):
      #if PostgreSQL
        try PostgreSQLSchema.isThere(try PostgreSQLConnection(address))
      #else
        throw NoTables(address: address)
      #endif
    }
  }
}
