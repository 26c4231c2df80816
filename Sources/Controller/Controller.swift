import Connections
import Engine
package import Fleet
import FoundationEssentials
import Issuance
package import Storage
import System

/// What certfleet does, as functions: a command line, a test or another front end calls them. What they return is the answer,
/// what happens meanwhile is told to the listener, what must be known later is in the store. Nothing here prints or exits.
package struct Controller: Sendable {
  package let home: StateDirectory
  package let store: Store
  let configuration: ControllerConfiguration
  /// Of the process: where the SSH agent and the user's home are named.
  let environment: [String: String]
  let tell: Listener

  /// Hears what happens. Called from any thread; it must not wait.
  package typealias Listener = @Sendable (ControllerEvent) -> Void

  /// - Parameters:
  ///   - path: the state folder.
  ///   - makes: whether the state may be made here; a slip in its name must not look like an empty fleet.
  ///   - acceptsCutOff: whether a log that lacks its end may be looked at.
  package init(
    at path: String, environment: [String: String], makes: Bool = false, acceptsCutOff: Bool = false,
    tell: @escaping Listener = { _ in }
  ) throws {
    configuration = try ControllerConfiguration(of: path, environment)
    let location = configuration.database
    guard try makes || location != .file || StateDirectory.exists(at: path, location) else {
      throw ControllerError.noState(path)
    }
    home = try StateDirectory(path: path, database: location)
    store = try Store(home: home, makes: makes, acceptsCutOff: acceptsCutOff)
    self.environment = environment
    self.tell = tell
  }

  /// The lease that everything holds which changes hosts, orders certificates or decides what is wanted.
  func lease() throws -> ControllerLease { try ControllerLease(home: home, now: Date()) }

  /// Does what needs the lease, and keeps it until then.
  func leased<Value>(_ work: () async throws -> Value) async throws -> Value {
    if isShared { return try await leading(work) }
    let lease = try lease()
    defer { withExtendedLifetime(lease) {} }
    return try await work()
  }

  /// Does what needs the lease and visits hosts; where several controllers share the state, by whichever reaches each.
  ///
  /// - Parameter isPatient: whether another one that leads is waited for a moment.
  func leased<Value>(
    stop: StopSignal, isPatient: Bool = true, _ work: ((any VisitCarrier)?) async throws -> Value
  ) async throws -> Value {
    if isShared { return try await leading(stop: stop, isPatient: isPatient, work) }
    return try await leased { try await work(nil) }
  }

  /// Whether other controllers may have the same state.
  var isShared: Bool { configuration.database != .file }

  /// Whether a host is reached from here.
  func reaches(_ host: Host) -> Bool { reaches(host, from: configuration.sites) }

  /// Whether it is reached by who serves these sites.
  func reaches(_ host: Host, from sites: Set<String>) -> Bool {
    guard isShared, let site = host.site else { return true }
    return sites.contains(site)
  }

  func connector() async throws -> HostConnector {
    HostConnector(
      .init(
        hosts: try await store.hosts(), pins: HostKeyPins(try await store.pinnedKeys()),
        environment: environment, folder: home.path + "/ssh",
        learned: try await store.learnedWays().mapValues { LearnedWay(reason: $0.reason, basis: $0.basis) },
        remember: { [store] host, way in
          try? await store.rememberWay(to: host, reason: way.reason, basis: way.basis)
        }))
  }

  func hostServices() async throws -> HostServices {
    HostServices(requests: try await hostRequests(), hosts: try await store.hosts()) { [tell] in
      tell(.issuing($0))
    }
  }

  private func hostRequests() async throws -> any HostRequests {
    let direct = DirectHostRequests(over: try await connector())
    #if PostgreSQL
      if isShared {
        return SharedHostRequests(direct: direct, carrier: HostTaskCarrier(store), controller: self)
      }
    #endif
    return direct
  }
}

// MARK: What names stand for

extension Controller {
  /// Everything that certificates are issued for: the lineages, and where hosts have keys of their own, those.
  package func issuable() async throws -> [Lineage] {
    let hosts = try await store.hosts()
    return try await store.lineages().flatMap { $0.instances(on: hosts) }
  }

  /// What a certificate's name stands for: one, or that of each host.
  func issuable(named name: String) async throws -> [Lineage] {
    if let instance = try await issuable().first(where: { $0.name.rawValue == name }) { return [instance] }
    let lineages = try await store.lineages()
    guard let lineage = lineages.first(where: { $0.name.rawValue == name }) else {
      throw ControllerError.unknown(.certificate, name, among: lineages.map(\.name.rawValue))
    }
    return lineage.instances(on: try await store.hosts())
  }

  /// The same of several names, each once; `nil` for no names at all.
  func issuable(named names: [String]?) async throws -> [Lineage]? {
    guard let names else { return nil }
    var lineages: [Lineage] = []
    for name in names {
      for lineage in try await issuable(named: name) where !lineages.contains(lineage) {
        lineages.append(lineage)
      }
    }
    return lineages
  }

  /// The one certificate that a name stands for.
  func single(named name: String) async throws -> Lineage {
    let lineages = try await issuable(named: name)
    guard lineages.count == 1 else {
      throw ControllerError.oneOfEachHost(name, example: lineages.first?.name)
    }
    return lineages[0]
  }

  /// - Parameter names: none stands for all.
  func hosts(named names: [String]) async throws -> [Host] {
    let hosts = try await store.hosts()
    guard !names.isEmpty else { return hosts }
    return try names.map { name in
      guard let host = hosts.first(where: { $0.name.rawValue == name }) else {
        throw ControllerError.unknown(.host, name, among: hosts.map(\.name.rawValue))
      }
      return host
    }
  }

  package func rollout(_ number: Int) async throws -> Rollout {
    do {
      return try await store.rollout(Rollout.ID(number))
    } catch is Store.Missing { throw ControllerError.noRollout(number) }
  }
}
