import Fleet
import FoundationEssentials
import Glibc

/// The DNS names that may stand in a certificate (RFC 1035 §2.3.4, RFC 5890, RFC 6125).
enum DomainName {
  /// A name in A-label form and lower case, or why there is none.
  static func read(_ typed: String) -> Result<String, Refused> {
    if typed.isEmpty { return refused("a name cannot be empty") }
    if let address = ipAddress(typed) { return .success(address) }
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
      return refused("is neither a DNS name nor an IP address")
    }
    guard text.utf8.count <= 253 else {
      return refused("is \(text.utf8.count) characters long; 253 are allowed")
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    for (index, label) in labels.enumerated() {
      if label == "*", index == 0 { continue }
      if let why = fault(in: label) { return refused("\(why) (label \(index + 1) of \(labels.count))") }
    }
    guard labels.count > 1 || labels[0] != "*" else { return refused("stands for every name there is") }
    return .success(text)
  }

  /// What no public CA may certify (CA/Browser Forum Baseline Requirements §4.2.2, RFC 6761, RFC 8738), and why.
  static func whyNotPublic(_ name: String) -> String? {
    if name.isIPAddress {
      return isPrivateAddress(name)
        ? "is an address of a private network, which a public CA will refuse" : nil
    }
    let labels = name.split(separator: ".")
    guard labels.count > 1 else { return "is a single label, which a public CA will refuse" }
    guard let last = labels.last, unregistered.contains(String(last)) || name.hasSuffix(".home.arpa") else {
      return nil
    }
    return "is below '.\(last)', which a public CA will refuse"
  }

  private static let unregistered: Set = [
    "local", "localhost", "internal", "intranet", "lan", "home", "corp", "private", "invalid", "onion",
    "localdomain",
  ]

  private static func isPrivateAddress(_ address: String) -> Bool {
    let patterns = [
      "10.", "127.", "169.254.", "192.168.", "0.", "fc", "fd", "fe8", "fe9", "fea", "feb", "::",
    ]
    if patterns.contains(where: address.hasPrefix) { return true }
    let parts = address.split(separator: ".").compactMap { Int($0) }
    return parts.count == 4
      && (parts[0] == 172 && (16...31).contains(parts[1]) || parts[0] == 100 && (64...127).contains(parts[1]))
  }

  /// An address in its one written form (RFC 5952), or `nil`.
  private static func ipAddress(_ text: String) -> String? {
    var (four, six) = (in_addr(), in6_addr())
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    if inet_pton(AF_INET, text, &four) == 1 { return text }
    guard inet_pton(AF_INET6, text, &six) == 1,
      inet_ntop(AF_INET6, &six, &buffer, socklen_t(buffer.count)) != nil
    else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
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
