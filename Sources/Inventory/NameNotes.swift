import Fleet

/// What a person who typed a DNS name may not have meant, though it is one.
enum NameNotes {
  /// - Parameters:
  ///   - typed: a name that was taken.
  ///   - read: what it was taken as.
  static func of(_ typed: String, readAs read: String) -> [String] {
    var notes: [String] = []
    if typed.hasSuffix(".") { notes.append("'\(typed.visible)' is taken without the dot at its end") }
    guard !typed.allSatisfy(\.isASCII) else { return notes }
    notes.append("'\(typed)' is \(read) to CAs and servers")
    for label in typed.split(separator: ".") {
      let scripts = Set(label.unicodeScalars.compactMap(Script.init)).sorted { $0.rawValue < $1.rawValue }
      if scripts.count > 1 {
        notes.append(
          "'\(label)' mixes \(scripts.map(\.rawValue).joined(separator: " and ")) letters, which look alike; browsers show it as xn--…"
        )
      }
    }
    return notes
  }

  /// Alphabets with letters that are drawn alike (Unicode Technical Standard 39 §5.1); whoever writes Japanese mixes others rightly.
  private enum Script: String {
    case latin = "Latin"
    case greek = "Greek"
    case cyrillic = "Cyrillic"
    case armenian = "Armenian"

    init?(_ letter: Unicode.Scalar) {
      guard letter.properties.isAlphabetic else { return nil }
      switch letter.value {
      case 0x41...0x7a, 0xc0...0x24f, 0x1e00...0x1eff: self = .latin
      case 0x370...0x3ff, 0x1f00...0x1fff: self = .greek
      case 0x400...0x52f: self = .cyrillic
      case 0x530...0x58f: self = .armenian
      default: return nil
      }
    }
  }
}
