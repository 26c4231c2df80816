import Fleet
import FoundationEssentials
import Glibc

/// What ssh reads: the pinned keys, and how hosts in between are reached. They lie in a folder of the state and are the same for every process,
/// so a person may use them too: `ssh -F …/ssh/config`.
struct SSHProgramFiles: Sendable {
  let folder: String
  private let hosts: [Host.Name: Host]
  private let pins: HostKeyPins

  init(in folder: String, hosts: [Host.Name: Host], pins: HostKeyPins) {
    (self.folder, self.hosts, self.pins) = (folder, hosts, pins)
  }

  var knownHosts: String { folder + "/known_hosts" }

  /// Under which a host's keys stand there, whatever its address: no other host's key counts for it.
  static func alias(_ host: Host.Name) -> String { "certfleet.\(host)" }

  /// The same; where an authority vouches for it, the name that its certificate has to have.
  func keyAlias(of host: Host) -> String {
    pins.areAuthorities(of: host.name)
      ? host.keyAlias ?? host.address : Self.alias(host.name)
  }

  /// The configuration that a host is reached with.
  func configuration(for host: Host) -> String {
    guard let use = host.sshConfig else { return folder + "/config" }
    return folder + "/" + Self.name(including: use.file)
  }

  private static func name(including file: String?) -> String {
    guard let file else { return "config.user" }
    // A path as one file's name.
    return "config." + file.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined().suffix(200)
  }

  /// Writes them, each in the place of the one before by one rename.
  func write() throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    // Also of hosts that are declared no more and have something of ours still.
    let known = pins.hosts.sorted().flatMap { name in
      pins.keys(of: name).map { $0.knownHostsLine(for: hosts[name].map(keyAlias) ?? Self.alias(name)) + "\n" }
    }
    try put(known.joined(), to: knownHosts)
    let common = hops + always
    try put(common, to: folder + "/config")
    for file in Set(hosts.values.compactMap(\.sshConfig).map(\.file)) {
      let included = file.map { [$0] } ?? ["~/.ssh/config", "/etc/ssh/ssh_config"]
      let lines = included.map { "Include \(Self.quoted($0))\n" }
      try put(common + "Match all\n" + lines.joined(), to: folder + "/" + Self.name(including: file))
    }
  }

  private func put(_ text: String, to path: String) throws {
    // Another connector of this process may be at it, too.
    try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    chmod(path, 0o600)
  }

  /// The hosts that others are reached through, with keys of their own.
  private var hops: String {
    Set(hosts.values.compactMap(\.via)).sorted().compactMap { hosts[$0] }.map { hop in
      var lines = [
        "Host \(Self.target(of: hop))", "HostName \(SSHProgram.literal(hop.address))", "Port \(hop.port)",
        "HostKeyAlias \(keyAlias(of: hop))",
      ]
      if let user = hop.user { lines.append("User \(user)") }
      if let identity = hop.identity {
        lines +=
          ["IdentityFile \(SSHProgram.quoted(identity))"]
          + (hop.sshConfig == nil ? ["IdentitiesOnly yes"] : [])
      }
      lines.append("ProxyJump \(hop.via.flatMap { hosts[$0] }.map(Self.target) ?? "none")")
      return lines.joined(separator: "\n  ") + "\n"
    }.joined()
  }

  /// What ssh is asked for: what the user's own patterns are compared with, where these are to be used.
  static func target(of host: Host) -> String { host.sshConfig?.host ?? alias(host.name) }

  /// For hosts in between as well: no key is learned, and nobody is asked.
  private var always: String {
    (["Host *"] + SSHProgram.always(knownHosts: knownHosts).map { "\($0.0) \($0.1)" }).joined(
      separator: "\n  ")
      + "\n"
  }

  private static func quoted(_ text: String) -> String { "\"\(text)\"" }
}
