import Fleet
import FoundationEssentials

/// RFC 8288 §3: a link in a header, `<target>; rel="relation"`. What is not of that form is passed over; each character is looked
/// at once, whatever a server sends.
struct Link: Hashable {
  let target: String
  let relation: String

  static func all(in header: String) -> [Link] {
    var rest = Substring(header)
    var links: [Link] = []
    while let open = rest.firstIndex(of: "<") {
      rest = rest[rest.index(after: open)...]
      guard let end = rest.firstIndex(where: { $0 == ">" || $0 == "<" }) else { break }
      guard rest[end] == ">" else {
        // Another begins before this one has ended.
        rest = rest[end...]
        continue
      }
      let target = rest[..<end]
      rest = rest[rest.index(after: end)...]
      let parameters = rest.prefix { $0 != "<" }
      rest = rest[parameters.endIndex...]
      if let relation = relation(in: parameters) {
        links.append(Link(target: String(target), relation: relation))
      }
    }
    return links
  }

  private static func relation(in parameters: Substring) -> String? {
    for parameter in parameters.split(separator: ";") {
      let parts = parameter.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].trimmed == "rel" else { continue }
      let value = parts[1].prefix { $0 != "," }.trimmed
      return value.hasPrefix("\"") ? String(value.dropFirst().prefix { $0 != "\"" }) : value
    }
    return nil
  }
}
