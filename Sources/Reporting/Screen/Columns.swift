extension String {
  /// How many columns of a terminal it takes (Unicode Standard Annex 11; a text has neither tabs nor line ends).
  package var columns: Int {
    if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
    return reduce(0) { $0 + $1.columns }
  }

  /// As much of its beginning as has room.
  func prefix(columns room: Int) -> String {
    var (text, left) = ("", room)
    for character in self {
      left -= character.columns
      guard left >= 0 else { break }
      text.append(character)
    }
    return text
  }

  /// At most so many columns, with an ellipsis where its end is left out.
  func shortened(columns room: Int) -> String {
    columns <= room ? self : prefix(columns: max(room - 1, 0)) + "…"
  }

  func padded(to columns: Int) -> String {
    self + String(repeating: " ", count: max(columns - self.columns, 0))
  }
}

extension Character {
  fileprivate var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    let isWide =
      scalar.properties.isEmojiPresentation || unicodeScalars.contains { $0.value == 0xFE0F }
      || Self.wide.contains { $0.contains(scalar.value) }
    return isWide ? 2 : 1
  }

  /// Scripts whose letters take two: Hangul, kana, Han, and full-width forms.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
  ]
}
