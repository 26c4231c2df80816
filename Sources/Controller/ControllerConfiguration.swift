import Fleet
import FoundationEssentials
import Glibc
import Inventory
package import Storage

/// What is said of one controller, and not of the fleet: an object of JSON5 in `/etc/certfleet/certfleet.conf` for the system's state, and
/// in `certfleet.conf` in the state folder for others.
package struct ControllerConfiguration: Sendable {
  package var database = DatabaseLocation.file
  /// What it is called among several; by default the machine's name.
  package var name = ""
  /// Those whose hosts it reaches, beside hosts of none.
  package var sites: Set<String> = []

  package static func path(of home: String) -> String {
    home == StateDirectory.systemPath ? StateDirectory.systemConfiguration : home + "/certfleet.conf"
  }

  /// - Parameter home: the state folder. What the environment says goes before what the file says.
  package init(of home: String, _ environment: [String: String]) throws {
    let path = Self.path(of: home)
    var address = environment[DatabaseLocation.variable] ?? ""
    if Self.isThere(path) {
      let settings = try ControllerSettings(file: path)
      (name, sites) = (settings.name ?? "", settings.sites)
      if address.isEmpty { address = settings.database ?? "" }
    }
    if !address.isEmpty { database = try DatabaseLocation(address) }
  }

  /// Also what cannot be read, or leads nowhere: taken for nothing, a controller would work on another state than its fellows. A folder that
  /// is another user's says nothing: one who has the state alone needs nothing of it, and a state that several share is not here.
  private static func isThere(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 || ![ENOENT, ENOTDIR, EACCES].contains(errno)
  }
}
