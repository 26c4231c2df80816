package import Fleet
import FoundationEssentials
import SSH

/// What a known_hosts file says of hosts, beside what is pinned: what is to be pinned from then on, and what a person should know.
package struct KnownHostsImport: Sendable {
  /// New pins; an empty list where all that was pinned is revoked.
  package private(set) var pins: [Host.Name: [HostKey]] = [:]
  package private(set) var unchanged: [Host.Name] = []
  /// The file has no key for them that could be pinned.
  package private(set) var missing: [Host.Name] = []
  package private(set) var notices: [Notice] = []

  package enum Notice: Hashable, Sendable {
    case unreadable(file: String, line: Int)
    /// Pinned until now.
    case revoked(Host.Name, HostKey)
    /// The file trusts whoever this authority vouches for, which libssh2 does not know.
    case authorityOnly(Host.Name, fingerprint: String)
    case replaced(Host.Name, by: [HostKey], former: [HostKey])
  }

  /// The file cannot be read.
  package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package var description: String { "'\(file.visible)' cannot be read; name a known_hosts file" }
  }

  /// As many lines of a file that are none are named.
  private static let mostUnreadable = 5

  /// - Parameters:
  ///   - file: `ssh` stands for the files of ssh's own configuration.
  ///   - keeping: whether what is pinned stays, too.
  package init(
    of hosts: [Host], in file: String, beside pinned: [Host.Name: [HostKey]], keeping: Bool
  ) throws {
    var read: [String: KnownHosts] = [:]
    for host in hosts {
      var found = KnownHosts.Found()
      let (files, alias) = try Self.files(file, for: host)
      for file in files {
        let known = try read[file] ?? load(file)
        read[file] = known
        // As ssh does: an alias stands there without a port.
        found.add(
          alias.map { known.keys(of: [$0], port: 22) }
            ?? known.keys(of: [host.address, host.name.rawValue], port: host.port))
      }
      take(found, of: host, former: pinned[host.name] ?? [], keeping: keeping)
    }
  }

  private mutating func take(
    _ found: KnownHosts.Found, of declared: Host, former: [HostKey], keeping: Bool
  ) {
    let host = declared.name
    var usable = found.keys.filter { ServerKey.knownTypes.contains($0.type) }.map(HostKey.init)
    let revoked = Set(found.revoked.map(HostKey.init))
    notices += former.filter(revoked.contains).map { .revoked(host, $0) }
    if found.keys.isEmpty, let authority = found.authorities.first {
      if declared.connection == .libssh2 {
        notices.append(.authorityOnly(host, fingerprint: authority.fingerprint))
      } else {
        usable = found.authorities.map { HostKey.authority(HostKey($0)) }
      }
    }
    let kept = former.filter { !revoked.contains($0) && !usable.contains($0) }
    // What is revoked is not accepted any more, even where nothing takes its place.
    let keys = usable + (keeping || usable.isEmpty ? kept : [])
    let isMissing = usable.isEmpty && (former.isEmpty || !revoked.isEmpty)
    if isMissing { missing.append(host) }
    if Set(keys) != Set(former) { pins[host] = keys } else if !isMissing { unchanged.append(host) }
    if !former.isEmpty, !usable.isEmpty, !kept.isEmpty, !keeping {
      notices.append(.replaced(host, by: usable, former: kept))
    }
  }

  private static func files(_ file: String, for host: Host) throws -> (files: [String], alias: String?) {
    guard file == "ssh" else { return ([file], host.keyAlias) }
    let ssh = try SSHConfig.knownHosts(of: host.address)
    return (ssh.files.filter(FileManager.default.fileExists(atPath:)), host.keyAlias ?? ssh.alias)
  }

  private mutating func load(_ file: String) throws -> KnownHosts {
    guard let data = InputFile.read(file) else { throw Unreadable(file: file) }
    let known = KnownHosts(String(decoding: data, as: UTF8.self))
    notices += known.unreadable.prefix(Self.mostUnreadable).map { .unreadable(file: file, line: $0) }
    return known
  }
}

extension KnownHostsImport.Notice {
  /// For a person.
  package var line: String {
    switch self {
    case .unreadable(let file, let line):
      "certfleet: \(file.visible):\(line): is not a known_hosts line, and was passed over"
    case .revoked(let host, let key):
      "\(host): \(key.type) \(key.fingerprint) is revoked, and no longer pinned"
    case .authorityOnly(let host, let fingerprint):
      "\(host): the authority \(fingerprint) is trusted for it, but libssh2 knows no host certificates; pin the host's own key"
    case .replaced(let host, let keys, let former):
      "\(host): now \(keys.text), no longer \(former.text)"
    }
  }
}

extension [HostKey] {
  fileprivate var text: String { map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ") }
}
