import Fleet
import FoundationEssentials
package import Storage

/// What is said of one controller, and not of the fleet: an object of JSON5 in `/etc/certfleet/certfleet.conf` for the system's state, and
/// in `certfleet.conf` in the state folder for others.
package struct ControllerConfiguration: Sendable {
  package var database = DatabaseLocation.file
  /// What it is called among several; by default the machine's name.
  package var name = ""
  /// Those whose hosts it reaches, beside hosts of none.
  package var sites: Set<String> = []

  package static let systemPath = "/etc/certfleet/certfleet.conf"

  package static func path(of home: String) -> String {
    home == StateDirectory.systemPath ? systemPath : home + "/certfleet.conf"
  }

  /// - Parameter home: the state folder. What the environment says goes before what the file says.
  package init(of home: String, _ environment: [String: String]) throws {
    let path = Self.path(of: home)
    if let bytes = FileManager.default.contents(atPath: path) {
      try self.init(bytes, from: path)
    } else {
      self.init()
    }
    if let address = environment[DatabaseLocation.variable], !address.isEmpty {
      database = try DatabaseLocation(address)
    }
  }

  private init() {}

  private struct Members: Decodable {
    var database: String?
    var name: String?
    var sites: [String]?
  }

  /// - Parameter path: what the file is called in what is said of it.
  init(_ bytes: Data, from path: String) throws {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    func refuse(_ what: String) -> ControllerError { .configuration("\(path): \(what)") }
    let keys = (try? decoder.decode([String: JSONValue].self, from: bytes))?.keys.sorted()
    if let unknown = keys?.first(where: { !["database", "name", "sites"].contains($0) }) {
      throw refuse("'\(unknown.visible)' is no key of it; there are: database, name, sites")
    }
    let members: Members
    do { members = try decoder.decode(Members.self, from: bytes) } catch {
      throw refuse(#"an object is expected, as { database: "postgresql:///certfleet", sites: ["eu"] }"#)
    }
    if let address = members.database { database = try DatabaseLocation(address) }
    for text in [members.name].compactMap(\.self) + (members.sites ?? []) {
      guard !text.isEmpty, text.utf8.count <= 63,
        text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
      else {
        throw refuse("'\(text.visible)' is no name: letters, digits, '-', '_' and '.', no more than 63")
      }
    }
    name = members.name ?? ""
    sites = Set(members.sites ?? [])
  }
}
