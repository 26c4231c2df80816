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
    guard places > 1 else { return merged(boxes, at: 0) }
    var foldings = orders(of: places).map { mergedFully(boxes, in: $0) }
    if boxes.count <= mostCompared { foldings.append(mergedByPairs(boxes)) }
    func length(_ boxes: [NumberBox]) -> Int { boxes.reduce(0) { $0 + $1.length + words + 1 } }
    return foldings.min { length($0) < length($1) } ?? boxes
  }

  /// Where each is compared with each: it takes longer with the square of their number.
  private static let mostCompared = 500

  /// In which order places are gone through: which is best depends on where the gaps are.
  private static func orders(of places: Int) -> [[Int]] {
    let all = Array(0..<places)
    guard places == 3 else { return [all.reversed(), all] }
    return [[2, 1, 0], [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]]
  }

  private static func mergedFully(_ boxes: [NumberBox], in order: [Int]) -> [NumberBox] {
    var (boxes, before) = (boxes, Int.max)
    while boxes.count < before {
      before = boxes.count
      boxes = order.reduce(boxes) { merged($0, at: $1) }
    }
    return boxes
  }

  /// The largest first takes in whatever differs from it at one place: first those that stand beside it, then any.
  private static func mergedByPairs(_ boxes: [NumberBox]) -> [NumberBox] {
    var (boxes, looksEverywhere) = (boxes, false)
    while true {
      boxes.sort { $0.count == $1.count ? $0.precedes($1) : $0.count > $1.count }
      let before = boxes.count
      var index = 0
      while index + 1 < boxes.count {
        var other = index + 1
        while other < boxes.count {
          if let place = boxes[index].onlyDifference(to: boxes[other]) {
            boxes[index].sides[place] = (boxes[index].sides[place] + boxes[other].sides[place]).sorted()
            boxes.remove(at: other)
          } else if looksEverywhere {
            other += 1
          } else {
            break
          }
        }
        index += 1
      }
      guard boxes.count == before else { continue }
      if looksEverywhere { return boxes }
      looksEverywhere = true
    }
  }

  private func precedes(_ other: NumberBox) -> Bool {
    for (side, its) in zip(sides, other.sides) where side != its {
      return side.lexicographicallyPrecedes(its)
    }
    return false
  }

  private func onlyDifference(to other: NumberBox) -> Int? {
    let places = sides.indices.filter { sides[$0] != other.sides[$0] }
    return places.count == 1 ? places[0] : nil
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
