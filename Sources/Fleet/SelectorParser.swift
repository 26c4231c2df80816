/// Reads the grammar of `Selector`. A bare word that some host's name could be is a name glob when it holds `*`
/// or `?`, or stands under `name:`; otherwise it asks for a label to exist, as in Kubernetes.
struct SelectorParser {
  private let text: String
  private let characters: [Character]
  private var position = 0

  init(_ text: String) {
    self.text = text
    self.characters = Array(text)
  }

  mutating func parse() throws(Selector.Malformed) -> [Selector.Requirement] {
    var requirements: [Selector.Requirement] = []
    repeat {
      requirements.append(try requirement())
      skipSpaces()
    } while take(",")
    guard position == characters.count else { throw malformed("expected ',' or the end") }
    return requirements
  }

  private mutating func requirement() throws(Selector.Malformed) -> Selector.Requirement {
    skipSpaces()
    if take("!") {
      let key = try word("a label or a host name")
      return nameGlob(key).map { .notName(glob: $0) } ?? .lacks(key: key)
    }
    let key = try word("a label or a host name")
    skipSpaces()
    if take("!") {
      guard take("=") else { throw malformed("expected '=' after '!'") }
      return .differs(key: key, value: try value())
    }
    if take("=") {
      _ = take("=")
      return .equals(key: key, value: try value())
    }
    if takeKeyword("in") { return .isIn(key: key, values: try list()) }
    if takeKeyword("notin") { return .isNotIn(key: key, values: try list()) }
    return nameGlob(key).map { .name(glob: $0) } ?? .has(key: key)
  }

  /// What a word says of hosts' names; `nil` for a label.
  private func nameGlob(_ word: String) -> String? {
    if word.hasPrefix("name:") { return String(word.dropFirst("name:".count)) }
    return word.contains(where: Self.wildcards.contains) ? word : nil
  }

  private static let wildcards = "*?"

  /// A label's value; a wildcard would be taken for itself, and match nothing.
  private mutating func value() throws(Selector.Malformed) -> String {
    let value = try word("a value")
    guard let place = value.firstIndex(where: Self.wildcards.contains) else { return value }
    position -= value.distance(from: place, to: value.endIndex)
    throw malformed("expected a value without wildcards, which are for hosts' names alone,")
  }

  private mutating func list() throws(Selector.Malformed) -> [String] {
    skipSpaces()
    guard take("(") else { throw malformed("expected '('") }
    var values: [String] = []
    repeat { values.append(try value()) } while takeAfterSpaces(",")
    guard takeAfterSpaces(")") else { throw malformed("expected ')'") }
    return values
  }

  private mutating func word(_ expected: String) throws(Selector.Malformed) -> String {
    skipSpaces()
    let start = position
    while position < characters.count, isWord(characters[position]) { position += 1 }
    guard position > start else { throw malformed("expected \(expected)") }
    return String(characters[start..<position])
  }

  private func isWord(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "-_./:*?".contains(character))
  }

  private mutating func skipSpaces() {
    while position < characters.count, characters[position] == " " { position += 1 }
  }

  private mutating func take(_ character: Character) -> Bool {
    guard position < characters.count, characters[position] == character else { return false }
    position += 1
    return true
  }

  private mutating func takeAfterSpaces(_ character: Character) -> Bool {
    skipSpaces()
    return take(character)
  }

  private mutating func takeKeyword(_ keyword: String) -> Bool {
    let end = position + keyword.count
    guard end <= characters.count, String(characters[position..<end]) == keyword,
      end == characters.count || !isWord(characters[end])
    else { return false }
    position = end
    return true
  }

  private func malformed(_ rule: String) -> Selector.Malformed {
    Selector.Malformed(text: text, offset: position, rule: rule)
  }
}
