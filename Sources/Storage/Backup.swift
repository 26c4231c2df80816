package import FoundationEssentials
import Glibc
import PKI

/// A copy of the whole state in one SQLite file, made while the controller may be at work.
package struct Backup: Sendable {
  package let path: String
  package let madeAt: Date
  /// Whether the key that opens it is in it.
  package let hasKey: Bool

  /// It cannot be made, or is none.
  package struct Unusable: Error, CustomStringConvertible {
    package let description: String
  }

  /// What marks a file as whole; it is written last.
  static let mark = "CREATE TABLE backup (made_at REAL NOT NULL, sealing_key BLOB) STRICT"
}

extension Store {
  /// Copies the state to a new file, which nobody else can read.
  ///
  /// - Parameter withKey: whether the sealing key goes into it: who has the file then has every private key.
  package func backUp(to path: String, withKey: Bool, home: StateDirectory, now: Date) throws -> Backup {
    let made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard made >= 0 else {
      let advice = errno == EEXIST ? "; name a file that is not there yet" : ""
      throw Backup.Unusable(
        description: "\(path) cannot be written: \(String(cString: strerror(errno)).lowercased())\(advice)")
    }
    close(made)
    do {
      try database.copy(to: path)
      let copy = try SQLiteConnection(path: path)
      let key = withKey ? home.sealingKeyBytes : nil
      try copy.transaction {
        try copy.execute(Backup.mark)
        try copy.run(
          "INSERT INTO backup (made_at, sealing_key) VALUES (?, ?)",
          [.moment(now), key.map(DatabaseValue.blob) ?? .null])
      }
      try copy.execute("PRAGMA journal_mode = DELETE")
    } catch {
      unlink(path)
      throw error
    }
    return Backup(path: path, madeAt: now, hasKey: withKey)
  }
}
