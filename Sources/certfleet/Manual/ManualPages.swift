import Fleet
import Inventory

/// The manual pages, made of the one table of commands and the one description of the inventory.
struct ManualPages {
  let commands: [Command]

  /// Their files: certfleet.1, one for each command, certfleet-inventory.5.
  var names: [String] { ["certfleet.1"] + commands.map(\.page) + ["certfleet-inventory.5"] }

  /// - Returns: `nil` where there is none of this name.
  func page(_ name: String) -> String? {
    if name == names.first { return overview }
    if name == names.last { return inventory }
    return commands.first { $0.page == name }.map(page(of:))
  }

  private var overview: String {
    var page = Roff(title: "certfleet", section: 1)
    page.section("NAME")
    page.line("certfleet - issue TLS certificates in one place and roll them out to many hosts over SSH")
    page.section("SYNOPSIS")
    page.line("certfleet COMMAND [operands] [options]")
    page.section("DESCRIPTION")
    page.line(
      "What hosts there are, which certificates they get and how carefully is declared in an inventory, which 'certfleet apply' stores. 'certfleet run', which a timer starts, renews what is due, brings it to the hosts in waves, with hooks on every host, and mends what has drifted. 'certfleet report' says which host serves what, and what needs a person."
    )
    page.section("COMMANDS")
    for command in commands { page.term(command.name, "", "\(command.summary). See \(command.reference).") }
    page.section("OPTIONS")
    for option in Command.commonOptions { page.add(option) }
    page.term("--version", "", "show the version, and those of the libraries")
    exitStatus(&page)
    page.section("ENVIRONMENT")
    page.term("CERTFLEET_HOME", "", "the state folder, where --home does not name one")
    page.term("CERTFLEET_LOG", "", "debug: tell what is done on the wire, on stderr")
    page.term("NO_COLOR", "", "no colours on a terminal")
    page.section("FILES")
    page.term(
      "/var/lib/certfleet", "",
      "the state of a controller: its database, and the key that seals private keys in it")
    page.term("/etc/certfleet", "", "where an inventory lies well; and on hosts, the folder of certificates")
    page.section("SEE ALSO")
    page.line("certfleet-inventory(5), ssh(1), sudo(8), nginx(8)")
    return page.text
  }

  private func page(of command: Command) -> String {
    var page = Roff(title: command.manualName, section: 1)
    page.section("NAME")
    page.line("\(command.manualName) - \(command.summary)")
    page.section("SYNOPSIS")
    page.line(command.synopsis)
    page.section("OPTIONS")
    for option in command.allOptions { page.add(option) }
    exitStatus(&page)
    page.section("SEE ALSO")
    let relatives = commands.filter { $0.words.first == command.words.first && $0.name != command.name }
    page.line(
      (["certfleet(1)"] + relatives.map(\.reference) + ["certfleet-inventory(5)"]).joined(separator: ", "))
    return page.text
  }

  private func exitStatus(_ page: inout Roff) {
    page.section("EXIT STATUS")
    for status in ExitStatus.allCases { page.term("\(status.rawValue)", "", status.meaning) }
  }

  private var inventory: String {
    var page = Roff(title: "certfleet-inventory", section: 5)
    page.section("NAME")
    page.line("certfleet-inventory - hosts, certificates and rollouts, as 'certfleet apply' reads them")
    page.section("DESCRIPTION")
    page.line(
      "JSON5: comments, trailing commas, keys without quotes and single quotes are fine. A folder is read with all its *.json5 files. A key that is not known is an error, and every error is told with its place. Relative paths are relative to the file that they stand in."
    )
    page.paragraph("'certfleet schema' prints all this as a JSON Schema, for editors.")
    page.section("EXAMPLE")
    page.example(Self.example)
    page.section("KEYS")
    for object in InventoryDescription.standard.objects {
      page.subsection(object.name)
      page.line(object.title + ".")
      for member in object.members {
        page.term(
          member.key, "(\(member.kind.words))", member.help + (member.isRequired ? "; required" : "") + ".")
      }
    }
    page.section("SEE ALSO")
    page.line("certfleet(1), certfleet-apply(1), certfleet-plan(1)")
    return page.text
  }

  private static let example = [
    "{",
    "  hosts: [",
    "    { name: 'web1', address: 'web1.example.com', user: 'root', labels: { role: 'web' } },",
    "  ],",
    "  issuers: [",
    "    { name: 'letsencrypt', directory: 'https://acme-v02.api.letsencrypt.org/directory',",
    "      agree_to_terms: true },",
    "  ],",
    "  certificates: [",
    "    { name: 'example.com', domains: ['example.com'], issuer: 'letsencrypt',",
    "      deploy: [{ to: 'role=web', hooks: { deploy: ['@nginx'] }, verify: [{ tls: 443 }] }] },",
    "  ],",
    "}",
  ]
}

extension Command {
  /// `certfleet-host-pin`.
  fileprivate var manualName: String { (["certfleet"] + words).joined(separator: "-") }
  fileprivate var page: String { "\(manualName).1" }
  fileprivate var reference: String { "\(manualName)(1)" }

  fileprivate var synopsis: String {
    let switches = options.map { "[--\($0.name)\($0.value.map { " \($0)" } ?? "")]" }
    return (["certfleet \(name)"] + operands + switches).joined(separator: " ")
  }
}

extension Roff {
  fileprivate mutating func add(_ option: Command.Option) {
    term("\(option.letter.map { "-\($0), " } ?? "")--\(option.name)", option.value ?? "", option.help)
  }
}

extension InventoryDescription.Kind {
  /// For people: `a list of host`, `10s …`.
  fileprivate var words: String {
    switch self {
    case .text(let what, _): what
    case .flag: "true or false"
    case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .oneOf(let words): words.joined(separator: " | ")
    case .object(let name): name
    case .texts: "names and texts"
    case .list(let kind): "list of \(kind.words)"
    case .oneOrList(let kind): "\(kind.words), or a list"
    case .either(let kinds): kinds.map(\.words).joined(separator: ", or ")
    }
  }
}
