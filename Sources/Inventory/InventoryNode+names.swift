import Fleet
import FoundationEssentials
import Glibc
import System

/// Strings of ours that have rules.
extension InventoryNode {
  /// A name that is safe as a file name, an argument and a word in a report.
  func name() -> String? {
    guard let text = string() else { return nil }
    if let bad = text.unicodeScalars.first(where: { !$0.isNameCharacter }) {
      return refuse(
        "\(value.shown) holds the illegal character \(bad.codePoint); use letters, digits, '.', '_' and '-'")
    }
    guard let first = text.unicodeScalars.first, first.properties.isAlphabetic || first.isDigit else {
      return refuse(
        text.isEmpty ? "a name cannot be empty" : "\(value.shown) must begin with a letter or a digit")
    }
    guard text.utf8.count <= 200 else { return refuse("\(value.shown) is longer than 200 characters") }
    return text
  }

  /// A host name or an IP address.
  func address() -> String? {
    guard let text = string() else { return nil }
    if let at = text.firstIndex(of: "@") {
      return refuse(
        "\(value.shown) holds a user; write user: '\(text[..<at])' and address: '\(text[text.index(after: at)...])'"
      )
    }
    if let bad = text.unicodeScalars.first(where: { !$0.isNameCharacter && $0 != ":" && $0 != "%" }) {
      return refuse(
        "\(value.shown) holds the illegal character \(bad.codePoint); expected a host name or an IP address")
    }
    guard let first = text.first, first != "-" else {
      return refuse(text.isEmpty ? "an address cannot be empty" : "\(value.shown) must not begin with '-'")
    }
    // An IPv6 address has two at least.
    if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
      return refuse(
        "\(value.shown) holds a port; write address: '\(text[..<colon])', port: \(text[text.index(after: colon)...])"
      )
    }
    return text
  }

  /// A path on this machine; a relative one is relative to the file that it stands in.
  func localPath() -> String? {
    guard let text = string() else { return nil }
    guard !text.isEmpty else { return refuse("a path cannot be empty") }
    if text.hasPrefix("/") || text.hasPrefix("~/") { return text }
    // What was piped in lies where it was piped.
    let place = file.hasPrefix("/dev/") ? FileManager.default.currentDirectoryPath + "/-" : file
    let folder = URL(filePath: place).deletingLastPathComponent()
    return URL(filePath: text, relativeTo: folder).standardizedFileURL.path(percentEncoded: false)
  }

  /// As `localPath`, with `~` written out.
  func expandedPath() -> String? {
    localPath().map(Paths.expandingTilde)
  }

  /// A file on this machine that can be read.
  func readableFile() -> String? {
    guard let path = expandedPath() else { return nil }
    guard access(path, R_OK) == 0 else {
      return refuse("\(value.shown) cannot be read: \(String(cString: strerror(errno)).lowercased())")
    }
    return path
  }

  /// A file on this machine that holds a secret: there, and for nobody but its owner.
  func secretFile() -> String? {
    guard let path = expandedPath() else { return nil }
    var status = stat()
    guard stat(path, &status) == 0 else {
      return refuse("\(value.shown) cannot be read: \(String(cString: strerror(errno)).lowercased())")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return refuse("\(value.shown) is not a file") }
    guard access(path, R_OK) == 0 else { return refuse("\(value.shown) cannot be read by you") }
    guard status.st_mode & 0o007 == 0 else {
      return refuse("\(value.shown) holds a secret and can be used by others; run: chmod 600 \(path)")
    }
    return path
  }

  /// A document root on this machine.
  func webrootHere() -> String? {
    guard let path = expandedPath() else { return nil }
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder else {
      return refuse(
        "\(value.shown) is not a folder on this machine; for the hosts' web servers write via: 'hosts'")
    }
    return path
  }

  func port() -> UInt16? { integer(in: 1...65535, "a port").map(UInt16.init) }

  /// An absolute path without `..`, or one in the login user's home.
  func hostPath() -> String? {
    guard let text = string() else { return nil }
    guard text.hasPrefix("/") || text.hasPrefix("~/") else {
      return refuse("\(value.shown) is not an absolute path, nor one that begins with '~/'")
    }
    guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
      return refuse("\(value.shown) holds a control character")
    }
    let parts = text.split(separator: "/")
    guard !parts.isEmpty else {
      return refuse("'/' cannot be used; name a folder of its own, such as '/etc/certfleet'")
    }
    guard !parts.contains(".."), !parts.contains(".") else {
      return refuse("\(value.shown) holds '.' or '..'; write the path in full")
    }
    guard !["dev", "proc", "sys"].contains(parts[0]) else {
      return refuse("\(value.shown) is not a place for files that are to stay")
    }
    return (text.hasPrefix("~/") ? "" : "/") + parts.joined(separator: "/")
  }

  func labels() -> [String: String]? {
    guard case .object(let members) = value else { return refuse("expected an object, got \(value.shown)") }
    var labels: [String: String] = [:]
    for (key, member) in members.sorted(by: { $0.key < $1.key }) {
      let node = child(member, ".\(key)")
      guard let text = node.string() else { continue }
      guard key.isLabelWord, text.isLabelWord else {
        node.fail(
          "\(key.isLabelWord ? member.shown : "'\(key.visible)'") is not a label; use letters, digits, '.', '_', '-' and '/'"
        )
        continue
      }
      labels[key] = text
    }
    return labels
  }

  func labelKey() -> String? {
    guard let text = string() else { return nil }
    return text.isLabelWord ? text : refuse("\(value.shown) is not the name of a label")
  }

  func selector() -> Selector? {
    guard let text = string() else { return nil }
    do {
      return try Selector(text)
    } catch {
      return refuse("'\(text.visible)' is not a selector: \(error)")
    }
  }
}

extension Unicode.Scalar {
  var isDigit: Bool { ("0"..."9").contains(self) }
  var isNameCharacter: Bool {
    isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "." || self == "_"
      || self == "-"
  }
  /// `U+0024 '$'`, with the character itself only where it can be seen.
  var codePoint: String {
    let number = String(value, radix: 16, uppercase: true)
    let shown = String(self).visible
    return "U+" + String(repeating: "0", count: max(0, 4 - number.count)) + number
      + (shown.count == 1 ? " '\(shown)'" : "")
  }
}

extension String {
  fileprivate var isLabelWord: Bool {
    !isEmpty && unicodeScalars.allSatisfy { $0.isNameCharacter || $0 == "/" }
  }
}
