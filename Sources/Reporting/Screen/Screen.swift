/// What a view is written to: a terminal, or a file that has neither colour nor an end of the line.
package struct Screen: Sendable, Hashable {
  /// In columns; `nil` is as wide as it comes.
  package let width: Int?
  package let hasColour: Bool

  package init(width: Int?, hasColour: Bool = false) {
    self.width = width.map { max($0, 20) }
    self.hasColour = hasColour
  }

  /// Where nothing is known of it: the width that everything fits.
  package static let plain = Screen(width: 80)
  package static let wide = Screen(width: nil)

  package enum Style: Sendable {
    case bad, warning, good, dim, bold

    fileprivate var code: String {
      switch self {
      case .bad: "31"
      case .warning: "33"
      case .good: "32"
      case .dim: "2"
      case .bold: "1"
      }
    }
  }

  /// ECMA-48, 8.3.117.
  func styled(_ text: String, _ style: Style) -> String {
    hasColour && !text.isEmpty ? "\u{1B}[\(style.code)m\(text)\u{1B}[0m" : text
  }

  /// Lines no wider than the screen, broken at spaces and, where there are none, anywhere. All but the first are indented.
  func wrapped(_ text: String, first: String? = nil, indent: Int = 0) -> String {
    let room = max((width ?? .max) - indent, 10)
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      var word = String(word)
      let gap = line.isEmpty ? "" : " "
      if line.columns + gap.count + word.columns <= room {
        line += gap + word
        continue
      }
      if !line.isEmpty { lines.append(line) }
      while word.columns > room {
        let head = word.prefix(columns: room)
        lines.append(head)
        word = String(word.dropFirst(head.count))
      }
      line = word
    }
    lines.append(line)
    let margin = String(repeating: " ", count: indent)
    return lines.enumerated().map { ($0 == 0 ? first ?? margin : margin) + $1 + "\n" }.joined()
  }
}

extension String {
  /// Without what `Screen.styled` puts around it.
  package var withoutStyle: String {
    guard contains("\u{1B}") else { return self }
    return replacing(/\u{1B}\[[0-9]+m/, with: "")
  }
}
