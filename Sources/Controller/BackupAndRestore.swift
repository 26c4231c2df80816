import Fleet
import FoundationEssentials
import Glibc
package import Storage
import System

extension Controller {
  /// Copies the state to a new file, also while a run is at work.
  ///
  /// - Parameter withKey: whether the sealing key goes into it.
  package func backUp(to path: String, withKey: Bool) async throws -> Backup {
    // Whoever can exchange the folder could take it, or put another in its place.
    let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
    if geteuid() == 0, let flaw = SafePlace.flaw(of: folder.isEmpty ? "/" : folder) {
      throw ControllerError.export(
        "\(flaw.path) \(flaw.what); mend it: \(flaw.remedy); or choose another folder")
    }
    return try await store.backUp(to: path, withKey: withKey, home: home, now: Date())
  }

  /// The database was restored to an earlier moment by its own means.
  package func noteRestored(by author: Author) async throws {
    try await leased {
      try await store.noteRestored(now: Date())
      try await store.record(
        Event(
          at: Date(), subject: .init(),
          kind: .note(.restored, text: "to an earlier moment, by \(author.name)")))
    }
  }

  /// Puts a backup in the place of the state at `path`, or makes the state of it.
  ///
  /// - Parameters:
  ///   - confirm: asked where there is a state already, with the backup.
  /// - Returns: where the state lies that was there before; `nil` where that was not wanted.
  package static func restore(
    _ file: String, at path: String, keyPath: String?, by author: Author, environment: [String: String],
    confirm: (Backup) throws -> Bool
  ) async throws -> (backup: Backup, former: String?)? {
    guard try ControllerConfiguration(of: path, environment).database == .file else {
      throw ControllerError.configuration(
        "the state is in PostgreSQL, and is restored with it; then say so: certfleet restore --point-in-time")
    }
    let home = try StateDirectory(path: path)
    let hadState = StateDirectory.exists(at: path)
    let restore = try Restore(of: file, into: home, keyPath: keyPath, now: Date())
    let backup = restore.backup
    if hadState {
      let isWanted: Bool
      do {
        isWanted = try confirm(backup)
      } catch {
        restore.abandon()
        throw error
      }
      guard isWanted else {
        restore.abandon()
        return nil
      }
    }
    let former = try restore.run(now: Date())
    let controller = try Controller(at: path, environment: environment)
    try await controller.store.record(
      Event(
        at: Date(), subject: .init(),
        kind: .note(.restored, text: "from a backup of \(backup.madeAt.ISO8601Format()), by \(author.name)")))
    return (backup, former)
  }
}
