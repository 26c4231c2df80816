import Connections
import Fleet
import FoundationEssentials
package import Inventory
import System

/// Where people have their fleet written down already.
package enum FleetImport: Sendable {
  /// What `ansible-inventory --list` prints; `-` is standard input.
  case ansible(String)
  /// An ssh_config(5); `-` is the user's own.
  case sshConfig(String)
  case csv(String)
  /// acme.sh's home.
  case acmeSh(String)
  /// lego's folder.
  case lego(String)

  /// What is there, as an inventory would have it.
  package func read() throws -> ImportedFleet {
    switch self {
    case .ansible(let file): try read(file) { try AnsibleInventory.read($0) }
    case .csv(let file): try read(file) { try CSVInventory.read($0) }
    case .sshConfig(let file):
      try SSHConfigHosts.read(file == "-" ? nil : Paths.standardized(file), asking: SSHConfig.settings)
    case .acmeSh(let folder): try found(ACMEShFolder.read(Paths.standardized(folder), on: Self.machine))
    case .lego(let folder): try found(LegoFolder.read(Paths.standardized(folder), on: Self.machine))
    }
  }

  /// For the first line of the inventory.
  package var words: String {
    switch self {
    case .ansible(let file): "Ansible's inventory \(file)"
    case .sshConfig(let file): file == "-" ? "ssh's configuration" : "the ssh_config \(file)"
    case .csv(let file): "the table \(file)"
    case .acmeSh(let folder): "acme.sh's folder \(folder)"
    case .lego(let folder): "lego's folder \(folder)"
    }
  }

  private static var machine: String { ProcessInfo.processInfo.hostName }

  private func read(_ file: String, _ reader: (Data) throws -> ImportedFleet) throws -> ImportedFleet {
    guard let data = InputFile.read(file) else {
      throw ControllerError.unreadableImport(file, why: "cannot be read")
    }
    do { return try reader(data) } catch { throw ControllerError.unreadableImport(file, why: "\(error)") }
  }

  private func found(_ fleet: ImportedFleet) throws -> ImportedFleet {
    guard fleet.certificates.isEmpty, fleet.notes.isEmpty else { return fleet }
    switch self {
    case .acmeSh(let folder), .lego(let folder):
      throw ControllerError.unreadableImport(folder, why: "holds no certificate of its")
    default: return fleet
    }
  }
}
