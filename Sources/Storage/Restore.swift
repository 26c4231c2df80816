package import FoundationEssentials
import Glibc
import PKI

/// Puts a backup in the place of a state. Each step leaves either state whole, and what was there before lies beside it.
package struct Restore: Sendable {
  package let backup: Backup
  private let home: StateDirectory
  private let lease: ControllerLease
  private let key: SealingKey
  private let keyBytes: [UInt8]

  private var draft: String { home.databasePath + ".restoring" }

  /// Looks at the backup, as a copy in the home, and changes nothing else.
  ///
  /// - Parameter keyPath: where the sealing key is that the backup has not; `nil` is the home's own.
  package init(of path: String, into home: StateDirectory, keyPath: String?, now: Date) throws {
    self.home = home
    lease = try ControllerLease(home: home, now: now)
    let draft = home.databasePath + ".restoring"
    unlink(draft)
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw Backup.Unusable(
        description: "'\(path)' cannot be read; name a file that 'certfleet backup' has made")
    }
    do {
      umask(0o077)
      try bytes.write(to: URL(filePath: draft))
      chmod(draft, 0o600)
      let none = Backup.Unusable(
        description: "'\(path)' is no whole backup; name a file that 'certfleet backup' has made")
      guard let copy = try? SQLiteConnection(path: draft),
        (try? copy.rows("PRAGMA integrity_check", { $0.text(0) })) == ["ok"],
        let (madeAt, held) = try? copy.rows(
          "SELECT made_at, sealing_key FROM backup",
          {
            ($0.moment(0), $0.isNull(1) ? nil : Array($0.blob(1)))
          }
        ).first
      else { throw none }
      backup = Backup(path: path, madeAt: madeAt, hasKey: held != nil)
      let keyFile = keyPath ?? home.sealingKeyPath
      let stored = keyPath.map { FileManager.default.contents(atPath: $0) } ?? home.sealingKeyBytes
      let bytes = held ?? stored.map(Array.init)
      guard let bytes, let key = SealingKey(bytes) else {
        throw Backup.Unusable(
          description:
            "the backup has no sealing key in it, and '\(keyFile)' is none; name it with --key FILE")
      }
      try Migrations.migrate(copy, sealing: key)
      try Seals.check(key, on: copy)
      (self.key, keyBytes) = (key, bytes)
    } catch {
      unlink(draft)
      throw error
    }
  }

  /// What of the backup's moment is not wanted: it is left as it was.
  package func abandon() { unlink(draft) }

  /// - Returns: where the state lies that was there before; `nil` where there was none.
  package func run(now: Date) throws -> String? {
    try finishDraft(now: now)
    let suffix = ".before-\(Int(now.timeIntervalSince1970))"
    var former: String?
    if access(home.databasePath, F_OK) == 0 {
      try move(home.databasePath, to: home.databasePath + suffix)
      former = home.databasePath + suffix
    }
    // A journal belongs to the database beside which it lies; applied to another it would destroy it.
    let journal = home.databasePath + "-journal"
    if access(journal, F_OK) == 0 { try move(journal, to: journal + suffix) }
    if home.sealingKeyBytes.map(Array.init) != keyBytes {
      if access(home.sealingKeyPath, F_OK) == 0 {
        try move(home.sealingKeyPath, to: home.sealingKeyPath + suffix)
      }
      let new = home.sealingKeyPath + ".restoring"
      try Data(keyBytes).write(to: URL(filePath: new))
      chmod(new, 0o600)
      try move(new, to: home.sealingKeyPath)
    }
    try move(draft, to: home.databasePath)
    sync()
    return former
  }

  /// From here on it is a state that knows that it was restored.
  private func finishDraft(now: Date) throws {
    let copy = try SQLiteConnection(path: draft)
    try copy.transaction {
      try copy.execute("DROP TABLE backup")
      try Store.makeIdentity(on: copy, now: now)
      try copy.run("UPDATE controller SET restored_at = ?", [.moment(now)])
    }
    try copy.execute("PRAGMA journal_mode = DELETE")
  }

  private func move(_ path: String, to target: String) throws {
    guard rename(path, target) == 0 else {
      throw Backup.Unusable(
        description: "\(path) cannot be moved to \(target): \(String(cString: strerror(errno)).lowercased())")
    }
  }
}
