/// Texts of many hosts that say the same.
enum Likeness {
  /// The text without what differs from host to host: names, and numbers but for an exit status.
  static func of(_ text: String, without names: [String]) -> [UInt8] {
    var bytes = Array(text.utf8)
    for name in names { bytes.blank(Array(name.utf8)) }
    var likeness: [UInt8] = []
    var isCounted = false
    for (index, byte) in bytes.enumerated() {
      guard byte.isDigit else {
        likeness.append(byte)
        continue
      }
      let isFirst = index == 0 || !bytes[index - 1].isDigit
      if isFirst { isCounted = bytes[..<index].reversed().starts(with: "exit status ".utf8.reversed()) }
      if isCounted { likeness.append(byte) } else if isFirst { likeness.append(UInt8(ascii: "0")) }
    }
    return likeness
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension [UInt8] {
  /// Takes out wherever it stands.
  fileprivate mutating func blank(_ name: [UInt8]) {
    guard let first = name.first else { return }
    var position = 0
    while let found = self[position...].firstIndex(of: first) {
      guard self[found...].starts(with: name) else {
        position = found + 1
        continue
      }
      removeSubrange(found..<found + name.count)
      position = found
    }
  }
}
