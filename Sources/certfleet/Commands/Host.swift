import Connections
import Controller
import Fleet
import Reporting

extension Command {
  static let hostClaim = Command(
    words: ["host", "claim"],
    summary:
      "take hosts over from another controller, or from a state that is lost, and look at what is there",
    operands: ["[HOST...]"],
    options: [Option(name: "to", value: "SELECTOR", help: "the hosts that it picks"), .why, .yes]
  ) { invocation in
    guard invocation.operands.isEmpty != (invocation["to"] == nil) else {
      throw UsageError(message: "name hosts, or pick them with --to SELECTOR", command: invocation.command)
    }
    let controller = try invocation.controller()
    let hosts = try await controller.hostsToClaim(invocation.operands, to: invocation["to"])
    let names = HostSet.folded(hosts.map(\.name))
    guard
      try invocation.confirm(
        "take \(names) over? Whichever other controller has them is refused there from then on.")
    else { throw Declined(description: "no host was taken over") }
    let claimed = try await controller.claim(hosts, by: invocation.author)
    for taken in claimed {
      if let failure = taken.failure {
        Console.standard.say("certfleet: \(taken.host): \(failure.visible)")
      } else {
        Console.standard.result(
          "\(taken.host): taken over\(taken.former.map { " from \($0.words)" } ?? "")\n")
      }
    }
    return claimed.contains { $0.failure != nil } ? .failed : .converged
  }

  static let hostList = Command(
    words: ["host", "list"], summary: "show the hosts and their pinned keys", options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().listHosts())
    return .converged
  }

  static let hostShow = Command(
    words: ["host", "show"], summary: "show all about a host: how it is reached, its key, what it has",
    operands: ["HOST"], options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().hostDetails(invocation.operands[0]))
    return .converged
  }

  static let hostCheck = Command(
    words: ["host", "check"],
    summary:
      "look whether hosts have all that a visit needs: login, sudo, tools, folders, hooks' commands, clock",
    operands: ["[HOST...]"], options: [.json]
  ) { invocation in
    let checked = try await invocation.controller().check(hosts: invocation.operands)
    try invocation.show(checked)
    return ExitStatus(checked)
  }

  static let hostPin = Command(
    words: ["host", "pin"],
    summary:
      "pin the keys that hosts may show, of all that have none or of those named: no other is accepted from then on",
    operands: ["[HOST...]"],
    options: [
      Option(
        name: "fingerprint", value: "SHA256:…", help: "pin without asking if the key has this fingerprint"),
      Option(
        name: "from-known-hosts", value: "FILE",
        help:
          "pin what a trusted file says, for all hosts or those named; 'ssh': ssh's own files"
      ),
      Option(
        name: "scan",
        help:
          "only show the keys of all hosts or of a selector's; pins nothing"),
      Option(name: "add", help: "keep what is pinned, too: for a host that is about to change its key"),
    ]
  ) { invocation in
    let controller = try invocation.controller()
    if invocation.has("scan") { return try await invocation.scan(by: controller) }
    if let file = invocation["from-known-hosts"] {
      return try await invocation.pin(fromKnownHosts: file, by: controller)
    }
    let wanted = try invocation.fingerprint()
    let hosts = try await controller.hostsToPin(invocation.operands)
    if hosts.isEmpty { Console.standard.result("every host has a pinned key\n") }
    for host in hosts {
      let result = try await controller.pin(host, wanted: wanted, keeping: invocation.has("add")) {
        try invocation.confirm($0, of: host, $1)
      }
      let name = host.name
      switch result {
      case .pinned(let key): Console.standard.result("\(name): pinned \(key.line(name.rawValue))\n")
      case .pinnedAlready(let key):
        Console.standard.result("\(name): \(key.line(name.rawValue)) is pinned already\n")
      case .declined: throw Declined(description: "\(name): not pinned")
      }
    }
    return .converged
  }
}

/// A person said no, or nobody could be asked.
struct Declined: Error, CustomStringConvertible {
  let description: String
}

extension Invocation {
  /// As `ssh-keygen -l` shows what ssh-keyscan has found, with what is pinned.
  fileprivate func scan(by controller: Controller) async throws -> ExitStatus {
    guard operands.count < 2, self["fingerprint"] == nil, self["from-known-hosts"] == nil, !has("add") else {
      throw UsageError(message: "--scan takes one selector, and pins nothing", command: command)
    }
    let (shown, failed) = try await controller.scan(operands.first)
    for one in shown {
      let standing =
        one.pinned.isEmpty
        ? "not pinned" : one.pinned.contains(one.key) ? "pinned" : "ANOTHER IS PINNED"
      Console.standard.result("\(one.key.line(one.host.name.rawValue))  \(standing)\n")
    }
    for (host, why) in failed { Console.standard.say("certfleet: \(host): \(why.visible)") }
    return failed.isEmpty ? .converged : .failed
  }

  fileprivate func pin(fromKnownHosts file: String, by controller: Controller) async throws -> ExitStatus {
    guard self["fingerprint"] == nil else {
      throw UsageError(
        message: "--fingerprint is of one host's key; --from-known-hosts knows them", command: command)
    }
    let (pinned, unchanged, missing) = try await controller.pin(
      fromKnownHosts: file, operands, keeping: has("add"))
    if !pinned.isEmpty { Console.standard.result("pinned the keys of \(HostSet.folded(pinned))\n") }
    if !unchanged.isEmpty { Console.standard.result("pinned already: \(HostSet.folded(unchanged))\n") }
    guard !missing.isEmpty else { return .converged }
    Console.standard.say(
      "certfleet: \(file.visible) has no key for \(HostSet.folded(missing)), by name or address; look at each: \(Remedy.pinHost(nil))"
    )
    return .failed
  }

  fileprivate func fingerprint() throws -> String? {
    guard let wanted = self["fingerprint"] else { return nil }
    guard wanted.wholeMatch(of: /SHA256:[A-Za-z0-9+\/]{43}/) != nil else {
      throw UsageError(
        message:
          "'\(wanted.visible)' is not a fingerprint; expected SHA256: and 43 characters, as ssh-keygen -l shows it",
        command: command)
    }
    guard operands.count == 1 else {
      throw UsageError(message: "--fingerprint is of one host's key", command: command)
    }
    return wanted
  }

  fileprivate func confirm(_ key: HostKey, of host: Host, _ pinned: [HostKey]) throws -> Bool {
    let console = Console.standard
    let place = host.address.contains(":") ? "[\(host.address)]" : host.address
    console.say("\(host.name) (\(place):\(host.port)) shows the key \(key.line(host.name.rawValue))")
    for old in pinned {
      console.say("until now \(old.type) \(old.fingerprint) was pinned\(has("add") ? ", and stays" : "")")
    }
    console.say("compare it on the host: ssh-keygen -lf \(key.file)")
    guard console.canAsk else {
      throw Declined(
        description:
          "\(host.name): there is no terminal to ask on; when the key is right: \(Remedy.pinHost(host.name, fingerprint: key.fingerprint))"
      )
    }
    return console.confirm("pin it?")
  }
}
