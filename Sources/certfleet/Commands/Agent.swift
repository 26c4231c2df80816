import Agents
import Controller
import Fleet
import System

extension Command {
  static let agentShow = Command(
    words: ["agent", "show"], summary: "show the script that runs on hosts"
  ) { _ in
    Console.standard.result(AgentScript.text)
    return .converged
  }

  private static let administrator = [
    Option(name: "user", value: "NAME", help: "who logs in to do it: root, or one who may use sudo"),
    Option(name: "identity", value: "FILE", help: "the key to log in with for that"),
  ]

  static let agentInstall = Command(
    words: ["agent", "install"],
    summary: "put the agent on hosts, for a key that may deliver certificates and nothing else",
    operands: ["HOST..."],
    options: administrator + [
      Option(name: "dry-run", help: "only show what would be allowed; contacts nobody")
    ]
  ) { invocation in
    let controller = try invocation.controller()
    let installations = try await controller.agentInstallations(on: invocation.operands)
    if invocation.has("dry-run") {
      for installation in installations { Console.standard.result(installation.words) }
      return .converged
    }
    return try await invocation.withAdministrator(installations, not: "not installed") {
      try await controller.install($0, by: $1)
    } done: {
      "installed, and it answers to the key"
    }
  }

  static let agentUninstall = Command(
    words: ["agent", "uninstall"],
    summary: "take the installed agent away from hosts: its key's line, sudo's rule, configuration, program",
    operands: ["HOST..."],
    options: administrator + [.yes]
  ) { invocation in
    let controller = try invocation.controller()
    let installations = try await controller.agentInstallations(on: invocation.operands)
    let names = HostSet.folded(installations.map(\.host.name))
    guard
      try invocation.confirm(
        "take the agent away from \(names)? certfleet's key is let in nowhere there until you authorize it anew; certificates stay"
      )
    else { throw Declined(description: "nothing was taken away") }
    return try await invocation.withAdministrator(installations, not: "not taken away") {
      try await controller.uninstall($0, by: $1)
    } done: {
      "the agent is gone; take 'agent' out of the inventory, or the host"
    }
  }
}

extension Invocation {
  /// Does it on one host after another, and tells of each.
  fileprivate func withAdministrator(
    _ installations: [AgentInstallation], not failed: String,
    _ work: (AgentInstallation, Controller.Administrator) async throws -> String?, done: () -> String
  ) async throws -> ExitStatus {
    let administrator = Controller.Administrator(user: self["user"], identity: self["identity"])
    return try await Interrupt.handled { stop in
      var status = ExitStatus.converged
      for installation in installations where !stop.isRequested {
        let name = installation.host.name
        if let failure = try await work(installation, administrator) {
          Console.standard.say("certfleet: \(name): \(failed): \(failure)")
          status = .failed
        } else {
          Console.standard.result("\(name): \(done())\n")
        }
      }
      return stop.isRequested ? .failed : status
    }
  }
}

extension AgentInstallation {
  fileprivate var words: String {
    """
    # \(host.name): for the key \(key.type) \(key.encoded.suffix(12)) of \(login)
    \(permissions.text)
    """
  }
}
