package import Agents
import Connections
import Engine
import Fleet
import FoundationEssentials
import Install
import Planning
import Storage
import System

/// The agent on hosts, for a key that may deliver certificates and nothing else.
extension Controller {
  /// Who logs in to install it: root, or one who may use sudo.
  package struct Administrator: Sendable {
    let user: String?
    let identity: String?

    package init(user: String?, identity: String?) { (self.user, self.identity) = (user, identity) }
  }

  /// What is put on hosts, and what the key of each may do there.
  package func agentInstallations(on names: [String]) async throws -> [AgentInstallation] {
    let snapshot = try await store.planningSnapshot()
    return try await hosts(named: names).map { try agentInstallation(on: $0, in: snapshot) }
  }

  private func agentInstallation(on host: Host, in snapshot: PlanningSnapshot) throws -> AgentInstallation {
    guard host.hasAgent else { throw ControllerError.agentNotDeclared(host.name) }
    guard let identity = host.identity,
      let key = HostConnector.publicKey(identity: identity, environment: environment)
    else { throw ControllerError.noIdentity(host.name) }
    let visit = Planner.everything(on: host, in: snapshot)
    let lineages = snapshot.lineages.filter { $0.goes(to: host) }
    let webroots = snapshot.lineages.compactMap { lineage -> String? in
      guard case .http01(.hosts(let webroot, _, let selector)) = lineage.challenge,
        selector?.matches(host) ?? lineage.goes(to: host)
      else { return nil }
      return webroot
    }
    return AgentInstallation(
      on: host, as: host.user ?? SystemUser.name, key: .init(type: key.type, encoded: key.encoded),
      permissions: AgentPermissions(
        for: visit, destinations: VisitMaterials.destinations(of: visit), webroots: webroots,
        keyTypes: lineages.filter { $0.name.host != nil }.map(\.key.type)))
  }

  /// Installs it, and believes it only when a login with the host's own key is answered by it.
  ///
  /// - Returns: why it was not done, and was undone; `nil` when it was.
  package func install(_ installation: AgentInstallation, by person: Administrator) async throws -> String? {
    let (host, administrator) = (installation.host, try administrator(of: installation, person))
    let connector = try await connector()
    let visit = Planner.everything(on: host, in: try await store.planningSnapshot())
    return await AgentInstaller(installation, as: administrator, connector: connector) {
      let preflight = Preflight(
        visit, destinations: VisitMaterials.destinations(of: visit), connector: connector)
      switch await preflight.run() {
      case .ready, .lacks: return nil
      case .silent(let reason), .unreachable(let reason):
        return "a login with the key does not work: \(reason)"
      }
    }.run()
  }

  /// Takes away what was installed. Nobody logs in with that key any more, until a person authorizes it anew.
  ///
  /// - Returns: why it was not done; `nil` when it was.
  package func uninstall(_ installation: AgentInstallation, by person: Administrator) async throws -> String?
  {
    await AgentInstaller(
      installation, as: try administrator(of: installation, person), connector: try await connector(),
      .uninstall
    ).run()
  }

  /// The host as one logs in who may do that.
  private func administrator(of installation: AgentInstallation, _ person: Administrator) throws -> Host {
    let host = installation.host
    var administrator = host
    administrator.hasAgent = false
    administrator.user = person.user
    administrator.identity = person.identity
    let user = administrator.user ?? SystemUser.name
    let needsRoot = user != "root" && (host.become != nil || user != installation.login)
    administrator.become = needsRoot ? Become() : nil
    if let identity = administrator.identity,
      HostConnector.publicKey(identity: identity, environment: environment)?.encoded
        == installation.key.encoded
    {
      throw ControllerError.administratorKeyIsRestricted(host.name, identity: identity)
    }
    return administrator
  }
}
