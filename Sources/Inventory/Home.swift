import Foundation
import PKI

/// The folder that holds a controller's state: the database, the sealing key, the lease.
public struct Home: Sendable {
  public let path: String

  /// Whether there is a database at `path`; asking makes nothing.
  public static func exists(at path: String) -> Bool { access(path + "/certfleet.db", F_OK) == 0 }

  var databasePath: String { path + "/certfleet.db" }
  var leasePath: String { path + "/lease" }
  private var sealingKeyPath: String { path + "/sealing.key" }

  /// Makes the folder where it is missing.
  ///
  /// - Throws: `Unsafe` when the folder or a file in it can be used by others.
  public init(path: String) throws {
    self.path = path
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
  public struct Unsafe: Error, CustomStringConvertible {
    public let path: String
    public let what: String
    public let remedy: String
    public var description: String { "\(path) \(what); \(remedy)" }
  }

  /// The key that seals private keys in the database; made on first use, in a file of its own.
  func sealingKey() throws -> SealingKey {
    if let bytes = FileManager.default.contents(atPath: sealingKeyPath) {
      guard let key = SealingKey(Array(bytes)) else {
        throw Unsafe(
          path: sealingKeyPath, what: "is not \(SealingKey.size) bytes long",
          remedy: "restore it from a backup")
      }
      return key
    }
    guard access(databasePath, F_OK) != 0 else {
      throw Unsafe(
        path: sealingKeyPath, what: "is missing, and the keys in the database are sealed with it",
        remedy: "restore it from a backup")
    }
    return try makeSealingKey()
  }

  /// Written beside, synced and renamed, so that a crash leaves no half key; made before the database, so that
  /// a database without it is one that lost it.
  private func makeSealingKey() throws -> SealingKey {
    let bytes = try SecureRandom.bytes(SealingKey.size)
    let draft = sealingKeyPath + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Unsafe(
        path: path, what: "cannot be written (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "check its owner and mode")
    }
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
      rename(draft, sealingKeyPath) == 0, let key = SealingKey(bytes)
    else {
      throw Unsafe(
        path: draft, what: "cannot be written (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "free some space")
    }
    return key
  }
}
