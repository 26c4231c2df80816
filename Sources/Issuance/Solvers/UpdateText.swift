import Fleet

/// Words of nsupdate(1)'s language. A line of it is a change of a zone, signed with our key, so nothing becomes part of one but
/// what these alphabets have, whoever it came from.
enum UpdateText {
  /// A domain name in full: letters, digits, `-`, `_` and dots (RFC 1034 §3.5, and the underscore of RFC 8555 §8.4).
  static func name(_ text: String) throws -> String {
    let plain = text.hasSuffix(".") ? String(text.dropLast()) : text
    let labels = plain.split(separator: ".", omittingEmptySubsequences: false)
    guard plain.utf8.count <= 253,
      labels.allSatisfy({ (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isLabelByte) })
    else { throw refused(text, "is no name for a DNS update") }
    return plain + "."
  }

  /// A TXT record's value: base64url, as RFC 8555 §8.4 makes it.
  static func value(_ text: String) throws -> String {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 != UInt8(ascii: ".") && $0.isLabelByte }) else {
      throw refused(text, "is no validation value")
    }
    return "\"\(text)\""
  }

  /// A server's name or address.
  static func server(_ text: String) throws -> String {
    guard !text.isEmpty, !text.hasPrefix("-"),
      text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || $0.isLabelByte })
    else { throw refused(text, "is no DNS server") }
    return text
  }

  private static func refused(_ text: String, _ why: String) -> ProofFailure {
    ProofFailure("'\(text.visible.shortened(to: 100))' \(why)")
  }
}

extension UInt8 {
  fileprivate var isLabelByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
