import FoundationEssentials

/// A value as a field of a record: without a space, a newline or a quote.
///
/// Printable ASCII stays as it is but for what a field cannot hold, so that the agent's shell decodes it itself; a
/// process for each base64 is what thousands of hosts would pay for at once. Anything else is base64 (RFC 4648 §4).
package enum AgentField {
  /// Longer text costs a shell more than a process does.
  private static let longest = 12 << 10

  package static func encode(_ text: String) -> String { encode(bytes: Array(text.utf8)) }

  /// Whether the shell decodes it itself.
  static func isPlain(_ bytes: [UInt8]) -> Bool { bytes.count <= longest && bytes.allSatisfy(\.isPlain) }

  package static func encode(bytes: [UInt8]) -> String {
    guard isPlain(bytes) else {
      return "=" + Data(bytes).base64EncodedString()
    }
    var field: [UInt8] = [UInt8(ascii: ":")]
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\n"): field += Array("%n".utf8)
      case UInt8(ascii: "\t"): field += Array("%t".utf8)
      case UInt8(ascii: " "): field += Array("%s".utf8)
      case UInt8(ascii: "'"): field += Array("%q".utf8)
      case UInt8(ascii: "%"): field += Array("%p".utf8)
      default: field.append(byte)
      }
    }
    return String(decoding: field, as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate var isPlain: Bool { (0x20..<0x7f).contains(self) || self == 0x0a || self == 0x09 }
}
