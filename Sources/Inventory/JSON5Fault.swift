import Fleet

/// Where a text stops being JSON5 (json5.org), and what was expected there.
///
/// Foundation reads the files and says only that one is wrong; this looks for the place, for the message alone.
struct JSON5Fault: Error, CustomStringConvertible {
  let line: Int
  let column: Int
  let expected: String

  var description: String { "line \(line), column \(column): \(expected)" }

  /// Where a member of an object stands a second time, of which Foundation keeps one and says nothing.
  ///
  /// - Parameter value: what was read of the text. Only where it has fewer members than the text is it walked through.
  static func duplicate(in text: String, read value: JSONValue) -> JSON5Fault? {
    memberCount(text) > value.memberCount ? find(in: text) : nil
  }

  /// The colons that are neither in a string nor in a comment.
  private static func memberCount(_ text: String) -> Int {
    var (count, quote, before, isEscaped) = (0, UInt8(0), UInt8(0), false)
    var comment: (isOfLine: Bool, isThere: Bool) = (false, false)
    for byte in text.utf8 {
      defer { before = byte }
      if comment.isThere {
        let isOver =
          comment.isOfLine
          ? byte == UInt8(ascii: "\n") : before == UInt8(ascii: "*") && byte == UInt8(ascii: "/")
        if isOver { comment.isThere = false }
      } else if quote != 0 {
        // What is escaped ends no string, and begins no other escape.
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == quote {
          quote = 0
        }
      } else {
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
        case UInt8(ascii: "/") where before == byte: comment = (true, true)
        case UInt8(ascii: "*") where before == UInt8(ascii: "/"): comment = (false, true)
        case UInt8(ascii: ":"): count += 1
        default: break
        }
      }
    }
    return count
  }

  /// `nil` when no fault is found.
  static func find(in text: String) -> JSON5Fault? {
    var walk = Walk(text)
    do {
      try walk.value(depth: 0)
      try walk.end()
      return nil
    } catch { return error }
  }
}

private struct Walk {
  private let characters: [Character]
  private var position = 0

  /// Foundation's own limit.
  private static let deepest = 512

  init(_ text: String) { characters = Array(text) }

  private var current: Character? { position < characters.count ? characters[position] : nil }

  private func fault(_ expected: String) -> JSON5Fault {
    let before = characters.prefix(position)
    let lineStart = before.lastIndex { $0.isNewline }.map { $0 + 1 } ?? 0
    return JSON5Fault(
      line: before.count { $0.isNewline } + 1, column: position - lineStart + 1, expected: expected)
  }

  private func line(of position: Int) -> Int { characters.prefix(position).count { $0.isNewline } + 1 }

  private func found() -> String {
    current.map { ", found '\(String($0).visible)'" } ?? ", found the end of the file"
  }

  mutating func end() throws(JSON5Fault) {
    try skipBlank()
    guard current == nil else { throw fault("expected the end of the file\(found())") }
  }

  mutating func value(depth: Int) throws(JSON5Fault) {
    guard depth < Self.deepest else { throw fault("nested more than \(Self.deepest) deep") }
    try skipBlank()
    switch current {
    case "{": try members(closing: "}", depth: depth)
    case "[": try members(closing: "]", depth: depth)
    case "\"", "'": try string()
    default: try word()
    }
  }

  private mutating func members(closing: Character, depth: Int) throws(JSON5Fault) {
    position += 1
    var keys: [String: Int] = [:]
    while true {
      try skipBlank()
      if take(closing) { return }
      if closing == "}" {
        let start = position
        try key()
        let name = String(characters[start..<position]).trimmingQuotes
        if let first = keys.updateValue(line(of: start), forKey: name) {
          position = start
          throw fault("'\(name.visible)' stands here a second time; the first is in line \(first)")
        }
        try skipBlank()
        guard take(":") else { throw fault("expected ':' after the key\(found())") }
      }
      try value(depth: depth + 1)
      try skipBlank()
      guard take(",") || current == closing else { throw fault("expected ',' or '\(closing)'\(found())") }
    }
  }

  private mutating func key() throws(JSON5Fault) {
    if current == "\"" || current == "'" { return try string() }
    let start = position
    while let character = current,
      character.isLetter || character.isNumber || "_$\u{200C}\u{200D}".contains(character)
    {
      position += 1
    }
    guard position > start else { throw fault("expected a key or '}'\(found())") }
  }

  private mutating func string() throws(JSON5Fault) {
    let quote = current
    let start = position
    position += 1
    while let character = current, character != quote {
      if character.isNewline {
        position = start
        throw fault("this string is not closed")
      }
      if characters[position...].starts(with: "\\u0000") {
        throw fault("the character NUL cannot stand in a string")
      }
      position += character == "\\" ? 2 : 1
    }
    guard current != nil else {
      position = start
      throw fault("this string is not closed")
    }
    position += 1
  }

  private mutating func word() throws(JSON5Fault) {
    let start = position
    while let character = current, character.isLetter || character.isNumber || "+-._".contains(character) {
      position += 1
    }
    let word = String(characters[start..<position])
    let isNumber =
      word.wholeMatch(
        of: /[+-]?(0[xX][0-9A-Fa-f]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|Infinity|NaN)/) != nil
    guard ["true", "false", "null"].contains(word) || isNumber else {
      position = start
      throw fault(
        word.isEmpty
          ? "expected a value\(found())"
          : "'\(word.visible.shortened(to: 40))' is not a value; put text in quotes")
    }
    guard !isNumber || !isTooLarge(word) else {
      position = start
      throw fault("the number \(word.shortened(to: 40)) is larger than any that can be read")
    }
  }

  /// Foundation refuses what its numbers cannot hold, and does not say where.
  private func isTooLarge(_ number: String) -> Bool {
    guard !number.hasSuffix("Infinity"), !number.hasSuffix("NaN") else { return false }
    return Double(number).map { !$0.isFinite } ?? false
  }

  private mutating func take(_ character: Character) -> Bool {
    guard current == character else { return false }
    position += 1
    return true
  }

  private mutating func skipBlank() throws(JSON5Fault) {
    while let character = current {
      if character.isWhitespace || character == "\u{FEFF}" {
        position += 1
      } else if characters[position...].starts(with: "//") {
        while let character = current, !character.isNewline { position += 1 }
      } else if characters[position...].starts(with: "/*") {
        let start = position
        while current != nil, !characters[position...].starts(with: "*/") { position += 1 }
        guard current != nil else {
          position = start
          throw fault("this comment is not closed")
        }
        position += 2
      } else {
        return
      }
    }
  }
}

extension String {
  fileprivate var trimmingQuotes: String {
    guard let first, first == "'" || first == "\"" else { return self }
    return String(dropFirst().dropLast())
  }
}

extension JSONValue {
  /// Of it and all that is in it.
  fileprivate var memberCount: Int {
    switch self {
    case .object(let members): members.values.reduce(members.count) { $0 + $1.memberCount }
    case .array(let items): items.reduce(0) { $0 + $1.memberCount }
    case .string, .number, .bool, .null: 0
    }
  }
}
