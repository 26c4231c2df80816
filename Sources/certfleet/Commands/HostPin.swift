import Fleet
import Foundation
import Reporting
import SSH
import Storage
import struct Fleet.Host

extension Command {
  static let hostPin = Command(
    words: ["host", "pin"],
    summary: "pin the keys that hosts may show: no other key is accepted from then on",
    operands: ["[HOST...]"],
    options: [
      Option(
        name: "fingerprint", value: "SHA256:…", help: "pin without asking if the key has this fingerprint"),
      Option(
        name: "from-known-hosts", value: "FILE",
        help:
          "pin what a trusted file says, for all hosts or those named; 'ssh': ssh's own files"
      ),
      Option(name: "add", help: "keep what is pinned, too: for a host that is about to change its key"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let keeping = invocation.has("add")
    if let file = invocation["from-known-hosts"] {
      guard invocation["fingerprint"] == nil else {
        throw UsageError(
          message: "--fingerprint is of one host's key; --from-known-hosts knows them",
          command: invocation.command)
      }
      let hosts = try await session.hosts(named: invocation.operands)
      return try await KnownHostsImport(store: session.store, file: file, keeping: keeping).pin(hosts)
    }
    guard !invocation.operands.isEmpty else {
      throw UsageError(message: "HOST or --from-known-hosts is missing", command: invocation.command)
    }
    let wanted = try fingerprint(invocation)
    for host in try await session.hosts(named: invocation.operands) {
      // Anew for each: the one before may be on the way to it.
      let connector = try await session.connector(invocation)
      try await HostPinning(store: session.store, host: host, connector: connector, keeping: keeping).pin(
        wanted)
    }
    return .converged
  }

  private static func fingerprint(_ invocation: Invocation) throws -> String? {
    guard let wanted = invocation["fingerprint"] else { return nil }
    guard wanted.wholeMatch(of: /SHA256:[A-Za-z0-9+\/]{43}/) != nil else {
      throw UsageError(
        message:
          "'\(wanted.visible)' is not a fingerprint; expected SHA256: and 43 characters, as ssh-keygen -l shows it",
        command: invocation.command)
    }
    guard invocation.operands.count == 1 else {
      throw UsageError(message: "--fingerprint is of one host's key", command: invocation.command)
    }
    return wanted
  }
}

extension Session {
  /// - Parameter names: none stands for all.
  func hosts(named names: [String]) async throws -> [Host] {
    guard !names.isEmpty else { return try await store.hosts() }
    var hosts: [Host] = []
    for name in names { hosts.append(try await host(named: name)) }
    return hosts
  }
}

/// One host's key, looked at and compared by a person, or with what that person has brought along.
private struct HostPinning {
  let store: Store
  let host: Host
  let connector: SSHConnector
  let keeping: Bool

  /// - Parameter wanted: the fingerprint; `nil` asks.
  func pin(_ wanted: String?) async throws {
    let offered = try await offered(until: wanted)
    let pinned = try await store.pinnedKeys(of: host.name)
    guard let key = wanted.map({ wanted in offered.first { $0.fingerprint == wanted } }) ?? offered.first
    else {
      let shown = offered.map { $0.line(host.name.rawValue) }.joined(separator: ", ")
      throw BadInput("\(host.name): offers \(shown), not \(wanted ?? ""); nothing was pinned")
    }
    let line = key.line(host.name.rawValue)
    if pinned.contains(HostKey(key)), keeping || pinned.count == 1 {
      Console.standard.result("\(host.name): \(line) is pinned already\n")
      return
    }
    if wanted == nil { try confirm(key, pinned) }
    try await store.pin([host.name: (keeping ? pinned : []) + [HostKey(key)]], now: Date())
    Console.standard.result("\(host.name): pinned \(line)\n")
  }

  private func confirm(_ key: ServerKey, _ pinned: [HostKey]) throws {
    let console = Console.standard
    console.say("\(host.name) (\(Endpoint(host))) shows the key \(key.line(host.name.rawValue))")
    for old in pinned {
      console.say("until now \(old.type) \(old.fingerprint) was pinned\(keeping ? ", and stays" : "")")
    }
    console.say("compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_\(key.fileWord)_key.pub")
    guard console.canAsk else {
      throw BadInput(
        "\(host.name): there is no terminal to ask on; when the key is right: certfleet host pin \(host.name) --fingerprint \(key.fingerprint)"
      )
    }
    guard console.confirm("pin it?") else { throw BadInput("\(host.name): not pinned") }
  }

  /// The keys that the host shows, the strongest first.
  ///
  /// - Parameter wanted: the fingerprint to look for among the host's other keys, where its first is another.
  private func offered(until wanted: String?) async throws -> [ServerKey] {
    let first = try await connector.look(at: host, for: ServerKey.knownTypes)
    var keys = [first]
    guard let wanted else { return keys }
    for type in ServerKey.knownTypes where type != first.type && keys.last?.fingerprint != wanted {
      if let key = try? await connector.look(at: host, for: [type]) { keys.append(key) }
    }
    return keys
  }
}
