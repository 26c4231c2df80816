import Controller
import Fleet
import Storage

extension Command {
  static let completion = Command(
    words: ["completion"],
    summary: "print what makes bash, zsh or fish complete certfleet's words and names",
    operands: ["SHELL", "[LINE]"]
  ) { invocation in
    guard let shell = CompletionShell(rawValue: invocation.operands[0]) else {
      throw UsageError(
        message: "'\(invocation.operands[0].visible)' is none of: bash, zsh, fish",
        command: invocation.command)
    }
    guard invocation.operands.count > 1 else {
      Console.standard.result(shell.script)
      return .converged
    }
    let line = invocation.operands[1]
    var words = line.split(separator: " ").map(String.init)
    if line.hasSuffix(" ") || words.count < 2 { words.append("") }
    let found = await Completion(commands: Certfleet.commands).candidates(Array(words.dropFirst())) {
      (try? await invocation.names($0)) ?? []
    }
    Console.standard.result(found.map { shell.line($0, typed: words.last ?? "") + "\n" }.joined())
    return .converged
  }
}

extension Invocation {
  /// What the state knows of that kind.
  fileprivate func names(_ kind: Completion.Kind) async throws -> [Completion.Candidate] {
    let store = try controller().store
    switch kind {
    case .certificate:
      return try await store.lineages().map {
        .init(word: $0.name.rawValue, help: $0.domains.prefix(3).joined(separator: " "))
      }
    case .host: return try await store.hosts().map { .init(word: $0.name.rawValue, help: $0.address) }
    case .issuer: return try await store.declaration().issuers.map { .init(word: $0.name.rawValue) }
    case .notifier: return try await store.declaration().notifiers.map { .init(word: $0.name) }
    case .rollout:
      return try await store.rollouts(limit: 20).map {
        .init(word: "\($0.id)", help: "\($0.policy), \($0.state.words)")
      }
    case .selector:
      let hosts = try await store.hosts()
      let labels = Set(hosts.flatMap { host in host.labels.map { $1 == "yes" ? $0 : "\($0)=\($1)" } })
        .sorted()
      return labels.map { .init(word: $0) } + hosts.map { .init(word: "name:\($0.name)", help: $0.address) }
    case .oneOf: return []
    }
  }
}

/// How each shell asks, and is answered.
private enum CompletionShell: String {
  case bash, zsh, fish

  /// - Parameter typed: the word that is completed.
  func line(_ candidate: Completion.Candidate, typed: String) -> String {
    let (word, help) = (candidate.word.visible, candidate.help.visible)
    switch self {
    case .bash:
      // It takes what is behind a colon or an equals sign for a word of its own.
      let cut =
        typed.lastIndex { ":=".contains($0) }.map { typed.distance(from: typed.startIndex, to: $0) + 1 } ?? 0
      return String(word.dropFirst(cut))
    case .zsh: return word.replacing(":", with: "\\:") + (help.isEmpty ? "" : ":\(help)")
    case .fish: return word + (help.isEmpty ? "" : "\t\(help)")
    }
  }

  var script: String {
    switch self {
    case .bash:
      """
      # certfleet completion bash >/etc/bash_completion.d/certfleet
      _certfleet() {
        local IFS=$'\\n'
        COMPREPLY=($(certfleet completion bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
      }
      complete -o default -F _certfleet certfleet

      """
    case .zsh:
      """
      #compdef certfleet
      # certfleet completion zsh >/usr/local/share/zsh/site-functions/_certfleet
      _certfleet() {
        local -a found
        found=(${(f)"$(certfleet completion zsh "${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
        if (( $#found )); then _describe certfleet found; else _files; fi
      }
      if [ "$funcstack[1]" = _certfleet ]; then _certfleet "$@"; else compdef _certfleet certfleet; fi

      """
    case .fish:
      """
      # certfleet completion fish >~/.config/fish/completions/certfleet.fish
      function __certfleet
        certfleet completion fish (commandline -cp | string collect) 2>/dev/null
      end
      complete -c certfleet -f -n 'test -n "$(__certfleet)"' -a '(__certfleet)'

      """
    }
  }
}
