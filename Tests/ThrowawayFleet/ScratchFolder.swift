import Foundation

/// A folder that is gone with its owner.
package final class ScratchFolder: Sendable {
  package let path: String

  package init() throws {
    // Short, because an agent's socket may live in it and such paths are limited to 107 bytes (unix(7)).
    path = NSTemporaryDirectory() + "certfleet-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// - Returns: the path of the new file.
  @discardableResult
  package func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    try Files.write("\(path)/\(name)", text, mode: mode)
    return "\(path)/\(name)"
  }
}

/// Files with their folders and modes.
package enum Files {
  package static func write(_ path: String, _ text: String, mode: Int = 0o600) throws {
    try makeFolder(URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false))
    try Data(text.utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  /// A script to be executed, by a process of its own: what this one has open for writing, a program that another test
  /// starts at that moment has open too, and the kernel executes no such file (ETXTBSY in execve(2)).
  package static func writeProgram(_ path: String, _ text: String) async throws {
    try write(path + ".text", text)
    try await Program.succeed(try Program.find("install"), ["-m", "755", path + ".text", path])
    try FileManager.default.removeItem(atPath: path + ".text")
  }

  package static func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  package static func read(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
