/// One machine reached over SSH.
package struct Host: Hashable, Sendable, Codable {
  package typealias Name = Identifier<Host>

  package var name: Name
  /// A host name or an IP address, without user or port.
  package var address: String
  package var port: UInt16
  /// The login name; `nil` means the user who runs certfleet, as with ssh.
  package var user: String?
  /// How it is reached.
  package var connection: ConnectionKind
  /// The user's own ssh_config, where that says how; `nil` where it is not asked.
  package var sshConfig: SSHConfigUse?
  /// As whom the agent runs; `nil` is the login's user.
  package var become: Become?
  /// The private key file; `nil` means the SSH agent, else the user's default keys, as with ssh.
  package var identity: String?
  /// A file on the controller whose first line opens the private key.
  package var passphraseFile: String?
  /// The host through which this one is reached, as ssh's ProxyJump; that one may have another.
  package var via: Name?
  /// The name under which its keys stand in known_hosts files, where that is another (ssh_config(5), HostKeyAlias).
  package var keyAlias: String?
  /// The folder that holds `live/` and `archive/` on the host.
  package var base: String
  /// Whose certificates in `base` are taken over where a visit finds them; `nil` leaves them as they are.
  package var takeOver: TakeOver?
  /// Whether the login's key may only start the agent that is installed there, which takes requests and no script.
  package var hasAgent: Bool
  package var labels: [String: String]
  /// `nil`: as its policies say.
  package var lookEvery: LookInterval?
  /// Where it can be reached from: a controller that serves this; `nil` is any.
  package var site: String?

  private enum CodingKeys: String, CodingKey {
    case name, address, port, user, become, identity, via, base, labels, connection, site
    case sshConfig = "ssh_config"
    case passphraseFile = "passphrase_file"
    case hasAgent = "has_agent"
    case keyAlias = "host_key_alias"
    case lookEvery = "look_every"
    case takeOver = "take_over"
  }

  /// What else has certificates on a host, in the same layout.
  package enum TakeOver: String, Hashable, Sendable, Codable, CaseIterable { case certbot }

  package init(
    name: Name, address: String, port: UInt16 = 22, user: String? = nil,
    connection: ConnectionKind = .auto, sshConfig: SSHConfigUse? = nil, become: Become? = nil,
    identity: String? = nil, passphraseFile: String? = nil, via: Name? = nil,
    keyAlias: String? = nil, base: String = Host.standardBase, takeOver: TakeOver? = nil,
    hasAgent: Bool = false,
    labels: [String: String] = [:],
    lookEvery: LookInterval? = nil, site: String? = nil
  ) {
    self.name = name
    self.address = address
    self.port = port
    self.user = user
    self.connection = connection
    self.sshConfig = sshConfig
    self.become = become
    self.identity = identity
    self.passphraseFile = passphraseFile
    self.via = via
    self.keyAlias = keyAlias
    self.base = base
    self.takeOver = takeOver
    self.hasAgent = hasAgent
    self.labels = labels
    self.lookEvery = lookEvery
    self.site = site
  }

  /// Whether it has to show a key that is pinned: all do that are not this machine.
  package var showsKey: Bool { connection != .local }

  package static let standardBase = "/etc/certfleet"
}

extension Host {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(Name.self, forKey: .name)
    address = try values.decode(String.self, forKey: .address)
    port = try values.decode(UInt16.self, forKey: .port)
    user = try values.decodeIfPresent(String.self, forKey: .user)
    connection = try values.decodeIfPresent(ConnectionKind.self, forKey: .connection) ?? .auto
    sshConfig = try values.decodeIfPresent(SSHConfigUse.self, forKey: .sshConfig)
    // What was stored before there were others says only whether it is sudo.
    if let isSudo = try? values.decode(Bool.self, forKey: .become) {
      become = isSudo ? Become() : nil
    } else {
      become = try values.decodeIfPresent(Become.self, forKey: .become)
    }
    identity = try values.decodeIfPresent(String.self, forKey: .identity)
    // What was stored earlier knows nothing of these.
    passphraseFile = try values.decodeIfPresent(String.self, forKey: .passphraseFile)
    via = try values.decodeIfPresent(Name.self, forKey: .via)
    keyAlias = try values.decodeIfPresent(String.self, forKey: .keyAlias)
    base = try values.decode(String.self, forKey: .base)
    takeOver = try values.decodeIfPresent(TakeOver.self, forKey: .takeOver)
    // What was stored before agents could be installed has none.
    hasAgent = try values.decodeIfPresent(Bool.self, forKey: .hasAgent) ?? false
    labels = try values.decode([String: String].self, forKey: .labels)
    lookEvery = try values.decodeIfPresent(LookInterval.self, forKey: .lookEvery)
    site = try values.decodeIfPresent(String.self, forKey: .site)
  }
}

extension Host {
  /// As earlier versions have it, where nothing newer is said.
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(address, forKey: .address)
    try values.encode(port, forKey: .port)
    try values.encodeIfPresent(user, forKey: .user)
    if connection != .auto { try values.encode(connection, forKey: .connection) }
    try values.encodeIfPresent(sshConfig, forKey: .sshConfig)
    if let become, become != Become() {
      try values.encode(become, forKey: .become)
    } else {
      try values.encode(become != nil, forKey: .become)
    }
    try values.encodeIfPresent(identity, forKey: .identity)
    try values.encodeIfPresent(passphraseFile, forKey: .passphraseFile)
    try values.encodeIfPresent(via, forKey: .via)
    try values.encodeIfPresent(keyAlias, forKey: .keyAlias)
    try values.encode(base, forKey: .base)
    try values.encodeIfPresent(takeOver, forKey: .takeOver)
    try values.encode(hasAgent, forKey: .hasAgent)
    try values.encode(labels, forKey: .labels)
    try values.encodeIfPresent(lookEvery, forKey: .lookEvery)
    try values.encodeIfPresent(site, forKey: .site)
  }
}

/// A host's public key as it is pinned: the SSH wire format (RFC 4253 §6.6) and its algorithm's name.
package struct HostKey: Hashable, Sendable, Codable {
  /// For example `ssh-ed25519`.
  package var type: String
  /// Base64 of the wire format, as in a `known_hosts` line.
  package var encoded: String
  /// `SHA256:` and unpadded base64, as `ssh-keygen -l` shows it.
  package var fingerprint: String

  package init(type: String, encoded: String, fingerprint: String) {
    self.type = type
    self.encoded = encoded
    self.fingerprint = fingerprint
  }
}

extension HostKey {
  private static let authorityMark = "@cert-authority "

  /// An authority that vouches for hosts' keys (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), in the place of a key of the host's own.
  package static func authority(_ key: HostKey) -> HostKey {
    HostKey(type: authorityMark + key.type, encoded: key.encoded, fingerprint: key.fingerprint)
  }

  package var isAuthority: Bool { type.hasPrefix(Self.authorityMark) }

  /// A line of a known_hosts file.
  package func knownHostsLine(for name: String) -> String {
    isAuthority
      ? "\(Self.authorityMark)\(name) \(type.dropFirst(Self.authorityMark.count)) \(encoded)"
      : "\(name) \(type) \(encoded)"
  }
}
