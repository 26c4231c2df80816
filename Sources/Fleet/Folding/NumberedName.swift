/// A name as words with numbers between them: `rack01-n3` is `rack`, `-n`, and nothing, with 01 and 3.
struct NumberedName {
  let text: String
  /// One more than there are numbers.
  let words: [Substring]
  let numbers: [PaddedNumber]

  init(_ name: String) {
    var (words, numbers) = ([Substring](), [PaddedNumber]())
    let bytes = name.utf8
    var (start, position) = (bytes.startIndex, bytes.startIndex)
    while position < bytes.endIndex {
      guard bytes[position].isDigit else {
        position = bytes.index(after: position)
        continue
      }
      let end = bytes[position...].firstIndex { !$0.isDigit } ?? bytes.endIndex
      // Longer ones are no count of anything.
      if let number = PaddedNumber(name[position..<end]) {
        words.append(name[start..<position])
        numbers.append(number)
        start = end
      }
      position = end
    }
    text = name
    self.words = words + [name[start...]]
    self.numbers = numbers
  }
}

/// A number as it is written: 7 and 07 are two.
struct PaddedNumber: Hashable, Comparable {
  let value: Int
  /// How many digits it is filled up to with zeros; 0 where it has none before it.
  let width: Int

  init?(_ digits: Substring) {
    guard digits.utf8.count <= 15, let value = Int(digits) else { return nil }
    self.value = value
    width = digits.utf8.first == UInt8(ascii: "0") && digits.utf8.count > 1 ? digits.utf8.count : 0
  }

  var text: String {
    let digits = String(value)
    return String(repeating: "0", count: max(width - digits.count, 0)) + digits
  }

  /// Whether counting on from `start`, written as that is, comes to this after `last`.
  func follows(_ last: PaddedNumber, from start: PaddedNumber) -> Bool {
    guard value == last.value + 1 else { return false }
    return width == start.width || width == 0 && start.width <= String(value).count
  }

  static func < (left: Self, right: Self) -> Bool { (left.value, left.width) < (right.value, right.width) }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
