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

  static let agentInstall = Command(
    words: ["agent", "install"],
    summary: "put the agent on hosts, for a key that may deliver certificates and nothing else",
    operands: ["HOST..."],
    options: [
      Option(name: "user", value: "NAME", help: "who logs in to install it: root, or one who may use sudo"),
      Option(name: "identity", value: "FILE", help: "the key to log in with for that"),
      Option(name: "dry-run", help: "only show what would be allowed; contacts nobody"),
    ]
  ) { invocation in
    let controller = try invocation.controller()
    var installations: [AgentInstallation] = []
    for name in invocation.operands {
      installations.append(try await controller.agentInstallation(on: name))
    }
    if invocation.has("dry-run") {
      for installation in installations { Console.standard.result(installation.words) }
      return .converged
    }
    let administrator = Controller.Administrator(user: invocation["user"], identity: invocation["identity"])
    return try await Interrupt.handled { stop in
      var status = ExitStatus.converged
      for installation in installations where !stop.isRequested {
        let name = installation.host.name
        if let failure = try await controller.install(installation, by: administrator) {
          Console.standard.say("certfleet: \(name): not installed: \(failure)")
          status = .failed
        } else {
          Console.standard.result("\(name): installed, and it answers to the key\n")
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
