import Controller
import Fleet
import FoundationEssentials
import Inventory
import Storage
import System

extension Command {
  static let start = Command(
    words: ["init"],
    summary: "write a small inventory to begin with, by five questions or by options; applies nothing",
    operands: ["[DIR]"],
    options: [
      Option(name: "hosts", value: "HOSTS", help: "with commas: web1.example.com,deploy@10.0.0.2"),
      Option(name: "user", value: "USER", help: "who logs in to them; default: you"),
      Option(name: "domains", value: "NAMES", help: "of the first certificate, with commas"),
      Option(
        name: "service", value: "SERVICE",
        help: "who reads it: nginx, postfix …, or a command that reloads it"),
      Option(name: "email", value: "ADDRESS", help: "by which Let's Encrypt reaches you"),
      Option(name: "agree-tos", help: "you have read its terms: https://letsencrypt.org/repository/"),
    ]
  ) { invocation in
    let isOfSystem = StateDirectory.isOfSystem(invocation.environment)
    let folder = invocation.operands.first ?? (isOfSystem ? "/etc/certfleet" : ".")
    let file = folder == "." ? "fleet.json5" : (folder.hasSuffix("/") ? folder : folder + "/") + "fleet.json5"
    // Before anybody has answered anything.
    try Controller.refuseUnwritable(new: file)
    let inventory = try invocation.newInventory()
    let text = try inventory.text(appliedBy: "\(Remedy.applyFile(file))")
    if folder != "." {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try Controller.write(new: file, text)
    Console.standard.result(
      """
      \(file.visible) is written. Read it, then:
      \(invocation.keyToMake.map { "  \($0)\n    its public key goes to the hosts: ssh-copy-id -i FILE.pub HOST\n" } ?? "")\
        \(Remedy.applyFile(file))
        \(Remedy.pinHost(nil))
        certfleet plan --check        and when it says what you want: \(Remedy.run)

      """)
    return .converged
  }
}

extension Invocation {
  /// How to make a key to log in with, where there is none.
  fileprivate var keyToMake: String? {
    let folder = SystemUser.home(environment) + "/.ssh"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard (environment["SSH_AUTH_SOCK"] ?? "").isEmpty, !names.contains(where: { $0.hasPrefix("id_") }) else {
      return nil
    }
    return (StateDirectory.isOfSystem(environment) ? "runuser -u \(SystemUser.name) -- " : "")
      + "ssh-keygen -t ed25519"
  }

  private static let terms = "https://letsencrypt.org/repository/"

  /// What was said by options, else what a person answers.
  fileprivate func newInventory() throws -> NewInventory {
    let console = Console.standard
    let home = environment["HOME"] ?? "/root"
    let found = FoundHere.allCases.compactMap { one in one.place(home: home).map { one.line(at: $0) } }
    if !found.isEmpty {
      console.say("found on this machine, and taken by a command of its own:")
      for line in found { console.say("  \(line)") }
    }
    func answer(_ option: String, _ question: String, or usual: String? = nil) throws -> String {
      if let given = self[option] { return given }
      guard console.canAsk else {
        if let usual { return usual }
        throw UsageError(message: "there is no terminal to ask on; say --\(option)", command: command)
      }
      return console.ask(question, or: usual)
    }
    func list(_ text: String) -> [String] { text.split { ", \t".contains($0) }.map(String.init) }
    let hosts = list(
      try answer("hosts", "Hosts, as you would name them to ssh (web1.example.com deploy@10.0.0.2)"))
    // The package's own user is none on hosts.
    let usual = StateDirectory.isOfSystem(environment) ? "root" : SystemUser.name
    let user =
      self["user"] == nil && hosts.allSatisfy { $0.contains("@") }
      ? usual : try answer("user", "Who logs in to them", or: usual)
    let domains = list(try answer("domains", "Names of the first certificate (example.com www.example.com)"))
    let service = try answer(
      "service",
      "Who reads it (\(NewInventory.services.keys.sorted().joined(separator: ", ")); or a command)",
      or: "nginx")
    let email = try answer(
      "email", "Mail address for Let's Encrypt; to give one is to agree to its terms, \(Self.terms)", or: "")
    let isAsked = self["email"] == nil && console.canAsk
    return NewInventory(
      hosts: hosts, user: user, domains: domains.map { $0.lowercased() },
      service: service,
      email: email.isEmpty ? nil : email, agreesToTerms: has("agree-tos") || isAsked && !email.isEmpty)
  }
}
