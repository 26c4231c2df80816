import Fleet

/// What is written into an inventory.
extension String {
  /// As JSON has it; what has no picture is escaped.
  var quoted: String {
    let escaped = unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": return "\\\""
      case "\\": return "\\\\"
      case "\n": return "\\n"
      case "\t": return "\\t"
      default:
        guard scalar.value < 0x20 || !String(scalar).isVisible else { return String(scalar) }
        return scalar.utf16Units
      }
    }
    return "\"\(escaped.joined())\""
  }

  /// A member's name, in quotes where it needs them.
  var asKey: String { wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) == nil ? quoted : self }
  var folder: Substring { self[..<(lastIndex(of: "/") ?? startIndex)] }
  private var isVisible: Bool { visible == self }
}

extension Unicode.Scalar {
  /// `\uXXXX`, twice beyond the first plane.
  fileprivate var utf16Units: String {
    String(self).utf16.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}

extension Array where Element: Hashable {
  /// Each once, in their order.
  var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
