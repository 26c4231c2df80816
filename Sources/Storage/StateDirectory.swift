import Fleet
import FoundationEssentials
import Glibc
import PKI
import System

/// The folder that holds a controller's state: the database, the sealing key, the lease.
package struct StateDirectory: Sendable {
  package let path: String
  let location: DatabaseLocation

  /// Whether there is a database at `path`; asking makes nothing.
  package static func exists(at path: String) -> Bool { access(path + "/certfleet.db", F_OK) == 0 }

  var databasePath: String { path + "/certfleet.db" }
  var historyPath: String { path + "/history" }
  var leasePath: String { path + "/lease" }
  var sealingKeyPath: String { path + "/sealing.key" }

  /// What its database is called in what is said.
  var databaseName: String {
    switch location {
    case .file: databasePath
    case .postgreSQL(let address): address.description
    }
  }

  /// Makes the folder where it is missing.
  ///
  /// - Throws: `Unsafe` when the folder or a file in it can be used by others.
  package init(path: String, database location: DatabaseLocation = .file) throws {
    (self.path, self.location) = (path, location)
    // Where root keeps its keys, nobody else may be able to put another folder in the place of this one.
    if geteuid() == 0, let flaw = SafePlace.flaw(of: path) {
      throw Unsafe(
        path: flaw.path, what: flaw.what, remedy: "mend it: \(flaw.remedy); or name another with --home")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Unsafe(path: path, what: "cannot be made a folder", remedy: "name another with --home")
    }
    try Self.refuseIfLoose(path, wanted: "700")
    for file in [databasePath, sealingKeyPath] where access(file, F_OK) == 0 {
      try Self.refuseIfLoose(file, wanted: "600")
    }
  }

  private static func refuseIfLoose(_ path: String, wanted: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Unsafe(path: path, what: String(cString: strerror(errno)).lowercased(), remedy: "check the path")
    }
    guard status.st_uid == geteuid() else {
      throw Unsafe(
        path: path, what: "belongs to uid \(status.st_uid), not to you", remedy: "run as its owner")
    }
    let mode = status.st_mode & 0o777
    guard mode & 0o077 == 0 else {
      throw Unsafe(
        path: path, what: "can be used by others (mode \(String(mode, radix: 8)))",
        remedy: "run: chmod \(wanted) \(path)")
    }
  }

  /// Private keys live beside this: what others may read or write is not used.
  package struct Unsafe: Error, CustomStringConvertible {
    package let path: String
    package let what: String
    package let remedy: String
    package var description: String { "\(path) \(what); \(remedy)" }
  }

  /// The key that seals private keys in the database; made on first use, in a file of its own.
  ///
  /// It gets its name when the database is there that was made with it (`keepSealingKey`): a key with its name and no
  /// database is what is left of a fleet, which must not look like an empty one.
  ///
  /// - Parameter isNew: whether the database is not there yet, or empty.
  func sealingKey(isNew: Bool) throws -> SealingKey {
    if let bytes = try Self.key(sealingKeyBytes, at: sealingKeyPath) {
      guard !isNew else {
        throw Unsafe(
          path: databaseName, what: "is missing or empty, and there was one, as \(sealingKeyPath) shows",
          remedy: "restore it from a backup; or begin anew: move \(sealingKeyPath) away")
      }
      return bytes
    }
    // Killed before the database was there.
    if let key = try Self.key(FileManager.default.contents(atPath: newKeyPath), at: newKeyPath) {
      return key
    }
    guard isNew else {
      throw Unsafe(
        path: sealingKeyPath, what: "is missing, and the keys in the database are sealed with it",
        remedy: location != .file
          ? "copy it from a controller that has it, with mode 600"
          : "restore it from a backup; as a systemd credential it is \(SealingCredential.path), for the service and root"
      )
    }
    return try makeSealingKey()
  }

  private var newKeyPath: String { sealingKeyPath + ".new" }

  var isDatabaseEmpty: Bool {
    var facts = stat()
    return stat(databasePath, &facts) != 0 || facts.st_size == 0
  }

  /// The file's, or the credential's where there is no file.
  var sealingKeyBytes: Data? {
    FileManager.default.contents(atPath: sealingKeyPath) ?? SealingCredential.bytes
  }

  private static func key(_ bytes: Data?, at path: String) throws -> SealingKey? {
    guard let bytes else { return nil }
    guard let key = SealingKey(Array(bytes)) else {
      throw Unsafe(
        path: path, what: "is not \(SealingKey.size) bytes long", remedy: "restore it from a backup")
    }
    return key
  }

  /// The database is there, and was made with the key.
  func keepSealingKey() throws {
    guard access(newKeyPath, F_OK) == 0, access(sealingKeyPath, F_OK) != 0 else { return }
    guard rename(newKeyPath, sealingKeyPath) == 0 else {
      throw Unsafe(
        path: sealingKeyPath, what: "cannot be written (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "check its folder")
    }
  }

  /// Which of a server's logs is written from here; made once. In a file there is one, which has no name.
  func chain() throws -> String {
    guard location != .file else { return "" }
    let path = path + "/controller"
    if let found = FileManager.default.contents(atPath: path) {
      return String(decoding: found, as: UTF8.self).trimmed
    }
    let name = try SecureRandom.bytes(8).hexadecimal
    try Data((name + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    return name
  }

  /// Written whole and synced before anything is sealed with it.
  private func makeSealingKey() throws -> SealingKey {
    let bytes = try SecureRandom.bytes(SealingKey.size)
    let draft = newKeyPath + ".draft"
    unlink(draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Unsafe(
        path: path, what: "cannot be written (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "check its owner and mode")
    }
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
      rename(draft, newKeyPath) == 0, let key = SealingKey(bytes)
    else {
      throw Unsafe(
        path: draft, what: "cannot be written (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "free some space")
    }
    return key
  }
}

// MARK: Where it is when nobody says so

extension StateDirectory {
  package static let standardText = "$CERTFLEET_HOME, or /var/lib/certfleet for root"
  /// Also the home of the user whom the Debian package makes.
  package static let systemPath = "/var/lib/certfleet"
  /// What is said of the controller that has it.
  package static let systemConfiguration = "/etc/certfleet/certfleet.conf"

  /// Whether this runs as that user.
  package static func isOfSystem(_ environment: [String: String]) -> Bool {
    SystemUser.home(environment) == systemPath
  }

  /// The XDG Base Directory Specification: state belongs to `$XDG_STATE_HOME`, by default `~/.local/state`.
  package static func standardPath(_ environment: [String: String]) -> String {
    if let home = environment["CERTFLEET_HOME"], !home.isEmpty { return home }
    if geteuid() == 0 || isOfSystem(environment) { return systemPath }
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return (state ?? "\(SystemUser.home(environment))/.local/state") + "/certfleet"
  }
}
