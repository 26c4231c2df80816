import Fleet
import FoundationEssentials
package import Storage

/// What is said of one controller, and not of the fleet: `/etc/certfleet/certfleet.conf`, an object of JSON5, for the system's state.
package struct ControllerConfiguration: Sendable {
  package var database = DatabaseLocation.file

  package static let path = "/etc/certfleet/certfleet.conf"

  /// - Parameter home: the state folder. What the environment says goes before what the file says.
  package init(of home: String, _ environment: [String: String]) throws {
    if home == StateDirectory.systemPath, let bytes = FileManager.default.contents(atPath: Self.path) {
      try self.init(bytes, from: Self.path)
    } else {
      self.init()
    }
    if let address = environment[DatabaseLocation.variable], !address.isEmpty {
      database = try DatabaseLocation(address)
    }
  }

  private init() {}

  /// - Parameter path: what the file is called in what is said of it.
  init(_ bytes: Data, from path: String) throws {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    func refuse(_ what: String) -> ControllerError { .configuration("\(path): \(what)") }
    let members: [String: String]
    do { members = try decoder.decode([String: String].self, from: bytes) } catch {
      throw refuse(#"an object is expected, as { database: "postgresql:///certfleet" }"#)
    }
    for (key, value) in members.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "database": database = try DatabaseLocation(value)
      default: throw refuse("'\(key.visible)' is no key of it; there is: database")
      }
    }
  }
}
