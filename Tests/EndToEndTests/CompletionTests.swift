import Foundation
import Testing
import ThrowawayFleet

/// Words and names that real shells complete.
@Suite struct CompletionTests {
  private static let lines: [(String, [String])] = [
    ("certfleet ro", ["rollout"]), ("certfleet host sh", ["show"]),
    ("certfleet host show we", ["web1", "web2"]),
    ("certfleet host show ", ["mail", "web1", "web2"]), ("certfleet cert renew o", ["one.example"]),
    ("certfleet host pin --sc", ["--scan"]), ("certfleet run --only ", ["one.example", "two.example"]),
    ("certfleet report -o w", ["wide"]), ("certfleet report --state dr", ["drifted"]),
    ("certfleet cert retire one.example --give-back c", ["certbot"]), ("certfleet completion z", ["zsh"]),
    ("certfleet account register ca ", []), ("certfleet nonsense ", []),
  ]

  private func scene() async throws -> (ScratchFolder, [String: String]) {
    let scratch = try ScratchFolder()
    for name in ["one.example", "two.example"] {
      try Files.makeFolder(scratch.path + "/" + name)
      try await SelfSigned.make(name, in: scratch.path + "/" + name)
    }
    try scratch.write(
      "fleet.json5",
      """
      { hosts: [{name: 'web1', labels: {role: 'web'}}, {name: 'web2', labels: {role: 'web'}}, {name: 'mail', labels: {mx: 'yes'}}],
        issuers: [{name: 'ca', type: 'files'}], certificates: [
        {name: 'one.example', domains: ['one.example'], issuer: 'ca', certificate: 'one.example/cert.pem', private_key: 'one.example/key.pem', deploy: [{to: 'role=web'}]},
        {name: 'two.example', domains: ['two.example'], issuer: 'ca', certificate: 'two.example/cert.pem', private_key: 'two.example/key.pem', deploy: [{to: '*'}]}] }
      """)
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await certfleet.succeed("apply", scratch.path + "/fleet.json5")
    var environment = certfleet.environment
    let folder = CertfleetProgram.path.split(separator: "/").dropLast().joined(separator: "/")
    environment["PATH"] = "/\(folder):/usr/bin:/bin"
    environment["HOME"] = scratch.path
    return (scratch, environment)
  }

  @Test func `bash completes commands, options and what the state knows`() async throws {
    let (scratch, environment) = try await scene()
    defer { withExtendedLifetime(scratch) {} }
    for (line, words) in Self.lines + [
      // A colon and an equals sign begin a word of their own there.
      ("certfleet host discover role=", ["web"]), ("certfleet host discover name:w", ["web1", "web2"]),
    ] {
      let said = try await Program.run(
        try Program.find("bash"),
        [
          "--norc", "-c",
          "source <(certfleet completion bash); COMP_LINE=$1; COMP_POINT=${#COMP_LINE}; _certfleet; printf '%s\\n' \"${COMPREPLY[@]}\"",
          "bash", line,
        ], environment: environment)
      #expect(said.stdout.split(separator: "\n").map(String.init) == words, "\(line): \(said.everything)")
    }
  }

  @Test func `fish completes them with what they are`() async throws {
    let (scratch, environment) = try await scene()
    defer { withExtendedLifetime(scratch) {} }
    for (line, words) in Self.lines where !words.isEmpty {
      let said = try await Program.run(
        try Program.find("fish"),
        ["--no-config", "-c", "certfleet completion fish | source; complete -C '\(line)'"],
        environment: environment)
      let found = said.stdout.split(separator: "\n").map { $0.split(separator: "\t")[0] }.map(String.init)
      #expect(found.sorted() == words, "\(line): \(said.everything)")
    }
    let helped = try await Program.run(
      try Program.find("fish"),
      ["--no-config", "-c", "certfleet completion fish | source; complete -C 'certfleet look'"],
      environment: environment)
    #expect(helped.stdout.hasPrefix("look\tlook at what hosts have and serve now"), "\(helped.everything)")
  }

  /// In a terminal of its own, as zsh completes nowhere else (zshmodules(1), zpty).
  @Test func `zsh completes them`() async throws {
    let (scratch, environment) = try await scene()
    let script = try scratch.write(
      "ask.zsh",
      """
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1= ; autoload -U compinit; compinit -D -u; source <(certfleet completion zsh); echo rea''dy"
      zpty -r -m shell seen '*ready*'
      zpty -w -n shell "$1"$'\\t'
      sleep 3
      zpty -r -t shell line && print -r -- "$line"
      while zpty -r -t shell line; do print -r -- "$line"; done
      zpty -d shell

      """)
    for (line, word) in [("certfleet host dis", "discover"), ("certfleet cert renew o", "one.example")] {
      let said = try await Program.run(
        try Program.find("zsh"), ["-f", script, line], environment: environment)
      #expect(said.stdout.contains(word), "\(line): \(said.everything)")
    }
  }
}
