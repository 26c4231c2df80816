/// Many host names in few characters: `web[1-3,7],mail`, `rack[01-12]node[1-4]`, `web[01-38].{eu,us}.example.net`.
///
/// Any run of digits folds, with its zeros, and what all names end in stands once. It is what ClusterShell's `nodeset --fold` writes
/// (its "Node sets" chapter), and beside it the braces of a shell. The cost is linear in the number of names, but for sorting them.
package enum HostSet {
  /// As much as a message has room for.
  package static let shortest = 200

  /// - Parameter limit: characters. What goes beyond is counted: `… and 9,980 more`; `nil` is all of it.
  package static func folded(_ names: some Sequence<Host.Name>, upTo limit: Int? = shortest) -> String {
    let entries = self.entries(names)
    let whole = CommonEnds.once(entries.map(\.text))
    guard let limit, whole.count > limit else { return whole }
    return shortened(entries, to: limit)
  }

  /// Names of the same words with other numbers.
  private struct Entry {
    let text: String
    let names: [NumberedName]
    let count: Int
  }

  private static func entries(_ names: some Sequence<Host.Name>) -> [Entry] {
    var order: [[Substring]] = []
    var groups: [[Substring]: [NumberedName]] = [:]
    for name in Set(names).sorted() {
      let name = NumberedName(name.rawValue)
      if groups[name.words] == nil { order.append(name.words) }
      groups[name.words, default: []].append(name)
    }
    return order.flatMap { words in
      let names = groups[words] ?? []
      return NumberBox.folded(names.map(\.numbers), between: words.reduce(0) { $0 + $1.count }).map {
        Entry(text: $0.text(between: words), names: names, count: $0.count)
      }
    }
  }

  private static func shortened(_ entries: [Entry], to limit: Int) -> String {
    let total = entries.reduce(0) { $0 + $1.count }
    var (shown, length, left) = ([String](), 0, total)
    for entry in entries {
      guard length + entry.text.count <= limit - 20 else { break }
      shown.append(entry.text)
      length += entry.text.count + 1
      left -= entry.count
    }
    if shown.isEmpty, let first = entries.first {
      // One whose numbers have too many gaps: as many of its names as there is room for.
      let names = first.names.prefix(max(limit / 20, 1)).map { Host.Name($0.text) }
      shown = [folded(names, upTo: nil)]
      left = total - names.count
    }
    return shown.joined(separator: ",") + " … and \(grouped(left)) more"
  }

  /// `9,980`.
  private static func grouped(_ number: Int) -> String {
    let digits = String(number)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }
}
