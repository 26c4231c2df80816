import Fleet
import Foundation
import Reporting
import SSH
import Storage
import struct Fleet.Host

/// Pins what a known_hosts file says of hosts. What it changes is said host by host; the rest is told in a line.
struct KnownHostsImport {
  let store: Store
  /// Or `ssh`, for the files of ssh's own configuration.
  let file: String
  /// Whether what is pinned stays, too.
  let keeping: Bool

  func pin(_ hosts: [Host]) async throws -> ExitCode {
    var read: [String: KnownHosts] = [:]
    let pinned = try await store.pinnedKeys()
    var (new, missing): ([Host.Name: [HostKey]], [Host.Name]) = ([:], [])
    for host in hosts {
      let found = try files(for: host).reduce(into: KnownHosts.Found()) { all, file in
        let known = try read[file] ?? self.read(file)
        read[file] = known
        all.add(known.keys(of: [host.address, host.name.rawValue], port: host.port))
      }
      let former = pinned[host.name] ?? []
      let usable = found.keys.filter { ServerKey.knownTypes.contains($0.type) }.map(HostKey.init)
      let revoked = Set(found.revoked.map(HostKey.init))
      say(found, of: host, revokedNow: former.filter(revoked.contains))
      let kept = former.filter { !revoked.contains($0) && !usable.contains($0) }
      // What is revoked is not accepted any more, even where nothing takes its place.
      let keys = usable + (keeping || usable.isEmpty ? kept : [])
      if usable.isEmpty, former.isEmpty || !revoked.isEmpty { missing.append(host.name) }
      if Set(keys) != Set(former) { new[host.name] = keys }
      if !former.isEmpty, !usable.isEmpty, !kept.isEmpty, !keeping { announce(host, usable, instead: kept) }
    }
    try await store.pin(new, now: Date())
    let unchanged = hosts.map(\.name).filter { new[$0] == nil && !missing.contains($0) }
    let changed = new.filter { !$0.value.isEmpty }.keys
    if !changed.isEmpty { Console.standard.result("pinned the keys of \(HostSet.folded(changed))\n") }
    if !unchanged.isEmpty { Console.standard.result("pinned already: \(HostSet.folded(unchanged))\n") }
    guard !missing.isEmpty else { return .converged }
    Console.standard.say(
      "certfleet: \(file.visible) has no key for \(HostSet.folded(missing)), by name or address; look at each: certfleet host pin HOST"
    )
    return .failed
  }

  private func files(for host: Host) throws -> [String] {
    guard file == "ssh" else { return [file] }
    return try SSHConfiguration.knownHosts(of: host.address).filter(
      FileManager.default.fileExists(atPath:))
  }

  private func read(_ file: String) throws -> KnownHosts {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw BadInput("'\(file.visible)' cannot be read; name a known_hosts file")
    }
    let known = KnownHosts(String(decoding: data, as: UTF8.self))
    for line in known.unreadable.prefix(5) {
      Console.standard.say(
        "certfleet: \(file.visible):\(line): is not a known_hosts line, and was passed over")
    }
    return known
  }

  private func say(_ found: KnownHosts.Found, of host: Host, revokedNow: [HostKey]) {
    for key in revokedNow {
      Console.standard.say("\(host.name): \(key.type) \(key.fingerprint) is revoked, and no longer pinned")
    }
    if found.keys.isEmpty, let authority = found.authorities.first {
      Console.standard.say(
        "\(host.name): \(file.visible) trusts the authority \(authority.fingerprint) for it, but libssh2 knows no host certificates; pin the host's own key"
      )
    }
  }

  private func announce(_ host: Host, _ keys: [HostKey], instead former: [HostKey]) {
    func text(_ keys: [HostKey]) -> String {
      keys.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")
    }
    Console.standard.say("\(host.name): now \(text(keys)), no longer \(text(former))")
  }
}
