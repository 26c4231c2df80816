/// Many host names in few characters: `web[1-3,7],mail`.
package enum HostSet {
  package static func folded(_ names: some Sequence<Host.Name>) -> String {
    var order: [String] = []
    var numbers: [String: [Int]] = [:]
    for name in names.sorted() {
      let (stem, number) = split(name.rawValue)
      guard let number else {
        order.append(stem)
        continue
      }
      if numbers[stem] == nil { order.append(stem + "\0") }
      numbers[stem, default: []].append(number)
    }
    return order.map { entry in
      guard entry.hasSuffix("\0") else { return entry }
      let stem = String(entry.dropLast())
      return fold(stem, numbers[stem] ?? [])
    }.joined(separator: ",")
  }

  /// A name's number at its end, where leading zeros would not be lost by counting.
  private static func split(_ name: String) -> (stem: String, number: Int?) {
    let digits = String(name.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
    guard let number = Int(digits), String(number) == digits else { return (name, nil) }
    return (String(name.dropLast(digits.count)), number)
  }

  private static func fold(_ stem: String, _ numbers: [Int]) -> String {
    if numbers.count == 1 { return "\(stem)\(numbers[0])" }
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    let parts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    return "\(stem)[\(parts.joined(separator: ","))]"
  }
}
