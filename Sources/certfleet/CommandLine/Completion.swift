import Fleet

/// What may come next on a command line, by the one table of commands.
struct Completion {
  let commands: [Command]

  struct Candidate: Hashable {
    let word: String
    var help = ""
  }

  /// Names that only the state knows, or that are one of a few.
  enum Kind: Hashable {
    case certificate, host, rollout, issuer, selector, notifier
    case oneOf([String])

    /// Of what a command takes; `nil` for a file, a text or a number.
    init?(_ placeholder: String) {
      switch placeholder.filter({ !"[].".contains($0) }) {
      case "CERT": self = .certificate
      case "CERT | N": self = .certificate
      case "HOST": self = .host
      case "N": self = .rollout
      case "ISSUER": self = .issuer
      case "SELECTOR": self = .selector
      case "NAME": self = .notifier
      case "certbot": self = .oneOf(["certbot"])
      case "FORMAT": self = .oneOf(["text", "wide", "json", "csv", "html", "prometheus"])
      case "STATE": self = .oneOf(["drifted", "failed", "behind", "unseen"])
      case "SHELL": self = .oneOf(["bash", "zsh", "fish"])
      default: return nil
      }
    }
  }

  /// - Parameters:
  ///   - words: what was typed behind the program's name, the last of them perhaps in part.
  ///   - names: asked where a name of the state is to come.
  func candidates(_ words: [String], names: (Kind) async -> [Candidate]) async -> [Candidate] {
    let (before, typed) = (Array(words.dropLast()), words.last ?? "")
    guard
      let command = commands.filter({ before.starts(with: $0.words) }).max(by: {
        $0.words.count < $1.words.count
      })
    else { return verbs(after: before).filter { $0.word.hasPrefix(typed) } }
    let arguments = before.dropFirst(command.words.count)
    func option(_ word: String?) -> Command.Option? {
      command.allOptions.first { option in
        word == "--\(option.name)" || option.letter.map { word == "-\($0)" } ?? false
      }
    }
    if let last = option(arguments.last), let placeholder = last.value {
      return await Self.named(placeholder, names, typed)
    }
    if typed.hasPrefix("-") {
      return command.allOptions.filter { !arguments.contains("--\($0.name)") }
        .map { Candidate(word: "--\($0.name)", help: $0.help) }.filter { $0.word.hasPrefix(typed) }
    }
    var (count, isValue) = (0, false)
    for word in arguments {
      if isValue {
        isValue = false
      } else if word.hasPrefix("-") {
        isValue = option(word)?.value != nil
      } else {
        count += 1
      }
    }
    let operand =
      count < command.operands.count ? command.operands[count] : command.operands.last { $0.contains("...") }
    guard let operand else { return [] }
    return await Self.named(operand, names, typed)
  }

  /// The next words of commands that begin so; a group has a line of its own.
  private func verbs(after before: [String]) -> [Candidate] {
    var seen: Set<String> = []
    return commands.filter { $0.words.starts(with: before) && $0.words.count > before.count }.compactMap {
      command in
      let word = command.words[before.count]
      guard seen.insert(word).inserted else { return nil }
      return Candidate(word: word, help: command.words.count == before.count + 1 ? command.summary : "")
    }
  }

  private static func named(_ placeholder: String, _ names: (Kind) async -> [Candidate], _ typed: String)
    async -> [Candidate]
  {
    guard let kind = Kind(placeholder) else { return [] }
    if case .oneOf(let words) = kind {
      return words.filter { $0.hasPrefix(typed) }.map { Candidate(word: $0) }
    }
    return await names(kind).filter { $0.word.hasPrefix(typed) }
  }
}
