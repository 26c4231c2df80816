import Fleet

/// Text in the language of manual pages (man(7)).
struct Roff {
  private(set) var text: String

  /// - Parameter section: of the manual: 1 is commands, 5 is files.
  init(title: String, section: Int) {
    text =
      ".TH \(Self.quoted(title.uppercased())) \(section) \(Product.date) \(Self.quoted("certfleet \(Product.version)"))\n"
    // A line that is too long is broken where the words are, and no word is cut.
    text += ".nh\n.ad l\n"
  }

  mutating func section(_ title: String) { text += ".SH \(Self.quoted(title))\n" }
  mutating func subsection(_ title: String) { text += ".SS \(Self.quoted(title))\n" }
  mutating func paragraph(_ words: String) { text += ".PP\n\(Self.escaped(words))\n" }

  /// The first paragraph of a section.
  mutating func line(_ words: String) { text += "\(Self.escaped(words))\n" }

  /// A term in bold and what it is, its kind in italics behind it.
  mutating func term(_ term: String, _ kind: String = "", _ words: String) {
    text += ".TP\n\\fB\(Self.escaped(term, isFirst: false))\\fR"
    if !kind.isEmpty { text += " \\fI\(Self.escaped(kind, isFirst: false))\\fR" }
    text += "\n\(Self.escaped(words))\n"
  }

  /// Lines as they are.
  mutating func example(_ lines: [String]) {
    text += ".RS 4\n.nf\n" + lines.map { Self.escaped($0) + "\n" }.joined() + ".fi\n.RE\n"
  }

  private static func quoted(_ words: String) -> String {
    "\"\(escaped(words, isFirst: false).replacing("\"", with: "\\(dq"))\""
  }

  /// What would be read as a command, and dashes and quotes that are to be copied as they are.
  private static func escaped(_ words: String, isFirst: Bool = true) -> String {
    let plain = words.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("'", with: "\\(aq")
      .replacing("`", with: "\\(ga").replacing("^", with: "\\(ha").replacing("~", with: "\\(ti")
    return isFirst && plain.hasPrefix(".") ? "\\&\(plain)" : plain
  }
}
