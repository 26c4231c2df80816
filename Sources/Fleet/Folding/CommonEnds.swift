/// What names have in common, once: `{db1,web[1-9].{eu,us}}.example.net`, as a shell's braces.
enum CommonEnds {
  /// The entries, with commas between them, or shorter.
  static func once(_ entries: [String]) -> String {
    let sites = sameBeginning(entries)
    let plain = sites.joined(separator: ",")
    guard sites.count > 1, let (rests, end) = split(sites) else { return plain }
    let braced = "{\(rests.joined(separator: ","))}\(end)"
    return braced.count < plain.count ? braced : plain
  }

  /// Those whose first label is the same become one.
  private static func sameBeginning(_ entries: [String]) -> [String] {
    var (order, groups) = ([Substring](), [Substring: [Substring]]())
    for entry in entries {
      let label = entry.prefix { $0 != "." }
      if groups[label] == nil { order.append(label) }
      groups[label, default: []].append(entry.dropFirst(label.count))
    }
    return order.flatMap { label -> [String] in
      let rests = groups[label] ?? []
      let plain = rests.map { String(label + $0) }
      guard rests.count > 1, rests.allSatisfy({ $0.first == "." }),
        let (middles, end) = split(rests.map { String($0.dropFirst()) })
      else { return plain }
      let braced = "\(label).{\(middles.joined(separator: ","))}\(end)"
      return braced.count < plain.joined(separator: ",").count ? [braced] : plain
    }
  }

  /// What is before the labels that all end in, and those, from their dot on. No set is cut in two.
  private static func split(_ names: [String]) -> (rests: [Substring], end: String)? {
    guard let first = names.first else { return nil }
    var end = Substring(first)
    for name in names.dropFirst() {
      let common = zip(end.utf8.reversed(), name.utf8.reversed()).prefix { $0 == $1 }.count
      end = end.suffix(common)
    }
    if let special = end.lastIndex(where: { "[]{},".contains($0) }) {
      end = end[end.index(after: special)...]
    }
    guard let dot = end.firstIndex(of: ".") else { return nil }
    end = end[dot...]
    let rests = names.map { $0.dropLast(end.count) }
    // `{example,www.example}.net` would hide what belongs together.
    let isSplitWell = end.dropFirst().contains(".") || !rests.contains { $0.contains(".") }
    return isSplitWell && !rests.contains { $0.isEmpty } ? (rests, String(end)) : nil
  }
}
