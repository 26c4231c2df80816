import Fleet
import FoundationEssentials

/// The mark in a file whose state is a server's now: whoever went on with the file would have two fleets.
package struct Moved: Error, Codable, Hashable, CustomStringConvertible {
  let address: String
  let at: Date

  package var description: String {
    "this state was moved to \(address) on \(at.ISO8601Format()); name it in \(DatabaseLocation.variable), or as 'database' in \(StateDirectory.systemConfiguration)"
  }

  private static let name = "moved"

  static func check(_ database: any Database) throws {
    let found = try database.rows("SELECT value FROM setting WHERE name = ?", [.text(name)]) {
      try $0.json(0) as Moved
    }
    if let moved = found.first { throw moved }
  }

  static func mark(_ database: any Database, to address: PostgreSQLAddress, now: Date) throws {
    try database.run(
      "INSERT INTO setting (name, value) VALUES (?, ?)",
      [.text(name), .text(try FleetJSON.canonical(Moved(address: address.description, at: now)))])
  }
}
