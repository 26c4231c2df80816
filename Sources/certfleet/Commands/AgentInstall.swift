import Agents
import Engine
import Fleet
import Foundation
import Planning
import SSH
import Storage
import struct Fleet.Host
import System

extension Command {
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
    let session = try Session(invocation)
    var installations: [AgentInstallation] = []
    for name in invocation.operands {
      installations.append(
        try await session.installation(on: try await session.host(named: name), invocation))
    }
    if invocation.has("dry-run") {
      for installation in installations { Console.standard.result(installation.words) }
      return .converged
    }
    var code = ExitCode.converged
    for installation in installations {
      if let failure = try await session.install(installation, invocation) {
        Console.standard.say("certfleet: \(installation.host.name): not installed: \(failure)")
        code = .failed
      } else {
        Console.standard.result(
          "\(installation.host.name): installed, and it answers to the key\n")
      }
    }
    return code
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

extension Session {
  fileprivate func installation(on host: Host, _ invocation: Invocation) async throws -> AgentInstallation {
    guard host.hasAgent else {
      throw BadInput(
        "\(host.name) is visited without an installed agent; declare it with agent: 'installed' and an identity of its own, and apply that first"
      )
    }
    guard let identity = host.identity,
      let key = Credential.publicKey(identity: identity, environment: invocation.environment)
    else {
      throw BadInput(
        "\(host.name): the key to be restricted is not known; make one (ssh-keygen -t ed25519 -f ~/.ssh/certfleet), and set it as the host's identity"
      )
    }
    let snapshot = try await store.planningSnapshot()
    let visit = Planner.everything(on: host, in: snapshot)
    let lineages = snapshot.lineages.filter { $0.deployments.contains { $0.selector.matches(host) } }
    let webroots = lineages.compactMap {
      if case .http01(.hosts(let webroot, _)) = $0.challenge { webroot } else { nil }
    }
    return AgentInstallation(
      on: host, as: host.user ?? SystemUser.name,
      key: .init(type: key.type, encoded: Data(key.blob).base64EncodedString()),
      permissions: AgentPermissions(
        for: visit, destinations: StoredMaterials.destinations(of: visit), webroots: webroots,
        keyTypes: lineages.filter { $0.name.host != nil }.map(\.key.type)))
  }

  fileprivate func install(_ installation: AgentInstallation, _ invocation: Invocation) async throws
    -> String?
  {
    let host = installation.host
    var administrator = host
    administrator.hasAgent = false
    administrator.user = invocation["user"]
    administrator.identity = invocation["identity"]
    let user = administrator.user ?? SystemUser.name
    administrator.become = user != "root" && (host.become || user != installation.login)
    if let identity = administrator.identity,
      let own = Credential.publicKey(identity: identity, environment: invocation.environment),
      Data(own.blob).base64EncodedString() == installation.key.encoded
    {
      throw BadInput(
        "\(host.name): \(identity) is the very key that is to be restricted, and nothing could log in with it afterwards; install with another: --identity FILE"
      )
    }
    let connector = try await hostErrands(invocation).connector
    let visit = Planner.everything(on: host, in: try await store.planningSnapshot())
    return await AgentInstaller(installation, as: administrator, connector: connector) {
      let preflight = Preflight(
        visit, destinations: StoredMaterials.destinations(of: visit), connector: connector)
      switch await preflight.run() {
      case .ready, .lacks: return nil
      case .silent(let reason), .unreachable(let reason):
        return "a login with the key does not work: \(reason)"
      }
    }.run()
  }
}
