extension String {
  /// The text with every control character, line separator and direction mark made visible (`\n`, `\u{1B}`), so
  /// that what a host or a file says can neither move the cursor nor forge a line of ours.
  package var visible: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.isUnprintable:
        text += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// At most `limit` characters, with an ellipsis where something was left out.
  package func shortened(to limit: Int) -> String { count <= limit ? self : prefix(limit - 1) + "…" }
}

extension Unicode.Scalar {
  fileprivate var isUnprintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
    default: false
    }
  }
}
