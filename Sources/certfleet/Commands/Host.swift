import Fleet
import Foundation
import Inventory
import Reporting
import SSH
import struct Fleet.Host

extension Command {
  static let hostList = Command(
    words: ["host", "list"], summary: "show the hosts and their pinned keys",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let store = try Session(invocation).store
    let pinned = try await store.pinnedKeys()
    let hosts = try await store.hosts().map { ListedHost(host: $0, pinned: pinned[$0.name] ?? []) }
    Console.standard.result(invocation.has("json") ? try JSONText.encode(hosts) : Listing.hosts(hosts))
    return .converged
  }

  static let hostPin = Command(
    words: ["host", "pin"], summary: "look at a host's key and pin it: no other key is accepted from then on",
    operands: ["HOST"],
    options: [
      Option(
        name: "fingerprint", value: "SHA256:…", help: "pin without asking if the key has this fingerprint")
    ]
  ) { invocation in
    let session = try Session(invocation)
    let host = try await session.host(named: invocation.operands[0])
    let wanted = invocation["fingerprint"]
    if let wanted, wanted.wholeMatch(of: /SHA256:[A-Za-z0-9+\/]{43}/) == nil {
      throw UsageError(
        message:
          "'\(wanted.visible)' is not a fingerprint; expected SHA256: and 43 characters, as ssh-keygen -l shows it",
        command: invocation.command)
    }
    let offered = try await KeyInspection(host: host).keys(until: wanted)
    let pinned = try await session.store.pinnedKeys(of: host.name)
    guard let key = wanted.map({ wanted in offered.first { $0.fingerprint == wanted } }) ?? offered.first
    else {
      throw BadInput(
        "\(host.name): offers \(offered.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")), not \(wanted ?? ""); nothing was pinned"
      )
    }
    if pinned.contains(where: { $0.fingerprint == key.fingerprint }) {
      Console.standard.result("\(host.name): \(key.type) \(key.fingerprint) is pinned already\n")
      return .converged
    }
    if wanted == nil { try confirm(key, of: host, instead: pinned) }
    try await session.store.pin(HostKey(key), of: host.name, now: Date())
    Console.standard.result("\(host.name): pinned \(key.type) \(key.fingerprint)\n")
    return .converged
  }

  private static func confirm(_ key: ServerKey, of host: Host, instead pinned: [HostKey]) throws {
    let console = Console.standard
    console.say("\(host.name) (\(host.address):\(host.port)) shows the key \(key.type) \(key.fingerprint)")
    if let old = pinned.first { console.say("until now \(old.type) \(old.fingerprint) was pinned") }
    console.say("compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_\(key.fileWord)_key.pub")
    guard console.canAsk else {
      throw BadInput(
        "\(host.name): there is no terminal to ask on; when the key is right: certfleet host pin \(host.name) --fingerprint \(key.fingerprint)"
      )
    }
    guard console.confirm("pin it?") else { throw BadInput("\(host.name): not pinned") }
  }
}

/// Looks at the keys that a host shows, the strongest first.
private struct KeyInspection {
  let host: Host

  /// - Parameter wanted: the fingerprint to look for among the host's other keys, where its first is another.
  func keys(until wanted: String?) async throws -> [ServerKey] {
    let loop = EventLoop()
    let first = try await look([], on: loop)
    var keys = [first]
    guard let wanted else { return keys }
    for type in ServerKey.knownTypes where type != first.type && keys.last?.fingerprint != wanted {
      if let key = try? await look([type], on: loop) { keys.append(key) }
    }
    return keys
  }

  private func look(_ types: [String], on loop: EventLoop) async throws -> ServerKey {
    let made = try await SSHConnection.connect(
      to: Endpoint(host), expecting: .look(types.isEmpty ? ServerKey.knownTypes : types), on: loop,
      within: .seconds(15))
    await made.connection.close()
    return made.key
  }
}

extension ServerKey {
  /// As sshd's key files are named: `ssh_host_ed25519_key`.
  fileprivate var fileWord: String {
    if type.hasPrefix("ecdsa") { return "ecdsa" }
    return type == "ssh-rsa" ? "rsa" : "ed25519"
  }
}
