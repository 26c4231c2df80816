import Fleet
import FoundationEssentials
import Glibc

/// Finding and parsing the files themselves.
enum InventoryFile {
  /// More than this is not an inventory that a person or a generator meant.
  private static let largest = 64 << 20

  /// The file at `path`, or a folder's `*.json5` files in the order of their names.
  static func find(_ path: String, _ problems: Problems) -> [String] {
    if path == "-" { return ["/dev/stdin"] }
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      let isHidden = access(path, F_OK) != 0 && errno == EACCES
      problems.add(
        file: path, path: "",
        isHidden ? "cannot be reached: permission denied" : "there is no such file or folder")
      return []
    }
    guard isFolder else { return [path] }
    let found = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
      .filter { $0.hasSuffix(".json5") && !$0.hasPrefix(".") }.sorted()
    if found.isEmpty { problems.add(file: path, path: "", "the folder holds no *.json5 file") }
    return found.map { (path.hasSuffix("/") ? path : path + "/") + $0 }
  }

  static func parse(_ file: String, _ problems: Problems) -> InventoryNode? {
    func refuse(_ message: String) -> InventoryNode? {
      problems.add(file: file, path: "", message)
      return nil
    }
    var status = stat()
    guard stat(file, &status) == 0 else { return refuse("is not a file") }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    // What people pipe, and a shell's <(…).
    guard isRegular || file.hasPrefix("/dev/") else { return refuse("is not a file") }
    guard !isRegular || status.st_mode & S_IWOTH == 0 else {
      return refuse(
        "may be written by everybody, who could then run commands on your hosts; run: chmod o-w \(file)")
    }
    guard status.st_size <= largest else { return refuse("is larger than \(largest >> 20) MiB") }
    guard let data = InputFile.read(file, most: largest) else { return refuse("cannot be read") }
    guard data.count <= largest else { return refuse("is larger than \(largest >> 20) MiB") }
    if data.starts(with: [0xff, 0xfe]) || data.starts(with: [0xfe, 0xff]) {
      return refuse("is UTF-16; save it as UTF-8")
    }
    if data.starts(with: [0xef, 0xbb, 0xbf]) {
      return refuse("begins with a byte order mark; save it as UTF-8 without one")
    }
    guard let text = String(validating: data, as: UTF8.self) else { return refuse("is not valid UTF-8") }
    guard text.contains(where: { !$0.isWhitespace }) else { return refuse("is empty") }
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    do {
      let value = try decoder.decode(JSONValue.self, from: data)
      if let twice = JSON5Fault.duplicate(in: text, read: value) { return refuse("\(twice)") }
      return InventoryNode(value: value, file: file, path: "", problems: problems)
    } catch {
      return refuse("is not valid JSON5" + (JSON5Fault.find(in: text).map { ": \($0)" } ?? ""))
    }
  }
}
