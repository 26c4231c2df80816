import Foundation
import Fleet

/// The DNS names that may stand in a certificate (RFC 1035 §2.3.4, RFC 5890, RFC 6125).
enum DomainName {
  /// A name in A-label form and lower case, or why there is none.
  static func read(_ typed: String) -> Result<String, Refused> {
    if typed.isEmpty { return refused("a name cannot be empty") }
    if let bad = typed.unicodeScalars.first(where: { $0.isASCII && !$0.isNameCharacter && $0 != "*" }) {
      return refused("holds the illegal character \(bad.codePoint)")
    }
    var text = typed.lowercased()
    if text.hasSuffix("."), text.count > 1 { text.removeLast() }
    if !text.allSatisfy(\.isASCII) {
      guard let ascii = aLabels(text) else { return refused("is not a valid international name") }
      text = ascii
    }
    if text.split(separator: ".").last?.allSatisfy(\.isNumber) == true {
      return refused("is an IP address; name the host")
    }
    guard text.utf8.count <= 253 else {
      return refused("is \(text.utf8.count) characters long; 253 are allowed")
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    for (index, label) in labels.enumerated() {
      if label == "*", index == 0 { continue }
      if let why = fault(in: label) { return refused("\(why) (label \(index + 1) of \(labels.count))") }
    }
    guard labels.count > 1, text != "*." else {
      return refused("is a single label; a CA needs a name below a top-level domain")
    }
    return .success(text)
  }

  struct Refused: Error {
    let reason: String
  }

  private static func refused(_ reason: String) -> Result<String, Refused> {
    .failure(Refused(reason: reason))
  }

  private static func fault(in label: Substring) -> String? {
    if label.isEmpty { return "has an empty label" }
    if label.utf8.count > 63 { return "has a label of \(label.utf8.count) characters; 63 are allowed" }
    if label.contains("*") { return "has '*' elsewhere than as its whole first label" }
    if label.contains("_") { return "holds '_', which no CA certifies" }
    if label.hasPrefix("-") || label.hasSuffix("-") { return "has a label that begins or ends with '-'" }
    if label.hasPrefix("xn--"), URLComponents(string: "https://\(label)/")?.host.map(\.isEmpty) ?? true {
      return "has a label that is not valid punycode"
    }
    return nil
  }

  /// RFC 5891 by Foundation, which converts the host of a URL.
  private static func aLabels(_ text: String) -> String? {
    var components = URLComponents()
    components.host = text
    guard let encoded = components.encodedHost?.lowercased(), encoded.allSatisfy(\.isASCII),
      !encoded.contains("%")
    else { return nil }
    return encoded
  }
}
