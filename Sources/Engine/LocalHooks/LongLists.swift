import Fleet
import FoundationEssentials

/// Variables that are too long for the kernel (execve(2): MAX_ARG_STRLEN): in their place NAME_FILE names a file with the
/// words of NAME, a line each. Nothing is ever cut.
struct LongLists {
  private static let longest = 100_000
  private(set) var environment: [String: String]
  private var folder: URL?

  init(_ environment: [String: String]) throws {
    self.environment = environment
    for (name, value) in environment where value.utf8.count > Self.longest {
      let folder = try self.folder ?? Self.makeFolder()
      self.folder = folder
      let file = folder.appending(path: name)
      try Data((value.replacing(" ", with: "\n") + "\n").utf8).write(to: file)
      self.environment[name] = nil
      self.environment[name + "_FILE"] = file.path(percentEncoded: false)
    }
  }

  private static func makeFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "certfleet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    return folder
  }

  func remove() { folder.map { try? FileManager.default.removeItem(at: $0) } }
}

extension CapturedOutput {
  init(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).visible }
    self.init(text: lines.joined(separator: "\n"), totalBytes: text.utf8.count)
  }
}
