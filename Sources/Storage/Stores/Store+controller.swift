package import Fleet
package import FoundationEssentials
import PKI
import System

/// Who this controller is to hosts, and what it knows of its epochs.
extension Store {
  package func identity() throws -> ControllerIdentity {
    let found = try database.rows("SELECT id, name FROM controller") {
      ControllerIdentity(id: $0.text(0), name: $0.text(1))
    }
    guard let identity = found.first else { throw Missing(what: "the controller's identity") }
    return identity
  }

  /// Made once, with the state.
  static func makeIdentity(on database: any Database, now: Date) throws {
    let id = try SecureRandom.bytes(8).map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
    let name = String(ProcessInfo.processInfo.hostName.prefix(60).map { $0.isNamePart ? $0 : "-" })
    try database.run(
      "INSERT INTO controller (id, name, made_at) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM controller)",
      [.text(id), .text(name.first?.isLetter == true ? name : "controller"), .moment(now)])
  }

  /// When the state was restored from a backup; `nil` where it never was.
  package func restoredAt() throws -> Date? {
    try database.rows("SELECT restored_at FROM controller") { $0.optionalMoment(0) }.first ?? nil
  }

  /// Hosts may have what it does not know.
  package func noteRestored(now: Date) throws {
    try database.run("UPDATE controller SET restored_at = ?", [.moment(now)])
  }

  /// It knows again what hosts have: it is a state as any other.
  package func settleRestore() throws { try database.run("UPDATE controller SET restored_at = NULL", []) }

  /// Counts on from an epoch of this controller's that a host has seen, and that a restored state does not know.
  package func countOn(from epoch: Int, now: Date) throws {
    try database.run(
      "INSERT INTO lease (epoch, holder, since) SELECT ?, ?, ? WHERE ? > (SELECT COALESCE(MAX(epoch), 0) FROM lease)",
      [.integer(epoch), .text("seen on a host"), .moment(now), .integer(epoch)])
    try database.countEpochs(from: epoch)
  }
}

extension Character {
  fileprivate var isNamePart: Bool { isASCII && (isLetter || isNumber || ".-".contains(self)) }
}
