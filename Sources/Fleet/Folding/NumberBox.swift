/// Numbers for each place in a name, every one of which goes with every other: `rack[1-3]node[01-10]`.
struct NumberBox {
  /// For each place.
  private var sides: [[PaddedNumber]]

  var count: Int { sides.reduce(1) { $0 * $1.count } }

  /// Boxes that together have these and no others, each once; few of them, though not always the fewest.
  ///
  /// - Parameters:
  ///   - rows: as long as each other, none twice.
  ///   - words: how long the words are that each box is written between.
  static func folded(_ rows: [[PaddedNumber]], between words: Int) -> [NumberBox] {
    guard let places = rows.first?.count, places > 0 else {
      return rows.map { NumberBox(sides: $0.map { [$0] }) }
    }
    let boxes = rows.map { NumberBox(sides: $0.map { [$0] }) }
    let orders = places == 1 ? [[0]] : [Array((0..<places).reversed()), Array(0..<places)]
    let foldings = orders.map { order in order.reduce(boxes) { merged($0, at: $1) } }
    guard foldings.count > 1 else { return foldings.first ?? boxes }
    func length(_ boxes: [NumberBox]) -> Int { boxes.reduce(0) { $0 + $1.length + words + 1 } }
    return foldings.min { length($0) < length($1) } ?? boxes
  }

  /// Those that are the same but at one place become one.
  private static func merged(_ boxes: [NumberBox], at place: Int) -> [NumberBox] {
    var (order, merged) = ([[[PaddedNumber]]](), [[[PaddedNumber]]: [PaddedNumber]]())
    for box in boxes {
      var others = box.sides
      others[place] = []
      if merged[others] == nil { order.append(others) }
      merged[others, default: []] += box.sides[place]
    }
    return order.map { others in
      var sides = others
      sides[place] = (merged[others] ?? []).sorted()
      return NumberBox(sides: sides)
    }
  }

  private var length: Int { sides.reduce(0) { $0 + Self.ranges($1).count } }

  /// - Parameter words: one more than there are places.
  func text(between words: [Substring]) -> String {
    zip(words, sides).map { $0 + Self.ranges($1) }.joined() + (words.last ?? "")
  }

  private static func ranges(_ numbers: [PaddedNumber]) -> String {
    guard numbers.count > 1 else { return numbers.first?.text ?? "" }
    var ranges: [(first: PaddedNumber, last: PaddedNumber)] = []
    // The range of each width that is counted on.
    var open: [Int: Int] = [:]
    for number in numbers {
      let index = open.values.filter { number.follows(ranges[$0].last, from: ranges[$0].first) }.max()
      if let index {
        ranges[index].last = number
      } else {
        open[number.width] = ranges.count
        ranges.append((number, number))
      }
    }
    let texts = ranges.map { $0.first == $0.last ? $0.first.text : "\($0.first.text)-\($0.last.text)" }
    return "[\(texts.joined(separator: ","))]"
  }
}
