/// A pattern of `*` (any characters) and `?` (any one), over the whole of a name.
struct Glob {
  private let pattern: [Character]
  /// Most selectors name all hosts, and fleets are asked about often.
  private let isAny: Bool

  init(_ pattern: String) {
    isAny = pattern == "*"
    self.pattern = isAny ? [] : Array(pattern)
  }

  /// Linear with one point to come back to: only the latest `*` ever needs to take one character more.
  func matches(_ name: String) -> Bool {
    if isAny { return true }
    let name = Array(name)
    var (p, n) = (0, 0)
    var retry: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == "*" {
        p += 1
        retry = (p, n)
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
        p += 1
        n += 1
      } else if let last = retry {
        retry = (last.pattern, last.name + 1)
        (p, n) = (last.pattern, last.name + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
