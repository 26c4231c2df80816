/// What ssh would do for a host, by the user's own configuration of it.
package struct SSHSettings: Hashable, Sendable {
  package var address: String
  package var port: UInt16
  package var user: String
  /// `nil` where the configuration names none.
  package var identity: String?
  /// The hosts on the way, the first hop first.
  package var jumps: [String]
  /// The name to look for in known_hosts files; `nil` for the host's own.
  package var keyAlias: String?
  /// Directives of consequence that libssh2 cannot honour, as ssh_config(5) names them.
  package var directives: [String]
  /// Directives that are not honoured on any way.
  package var unhonoured: [String]

  package init(
    address: String, port: UInt16, user: String, identity: String? = nil, jumps: [String] = [],
    keyAlias: String? = nil, directives: [String] = [], unhonoured: [String] = []
  ) {
    (self.directives, self.unhonoured) = (directives, unhonoured)
    self.address = address
    self.port = port
    self.user = user
    self.identity = identity
    self.jumps = jumps
    self.keyAlias = keyAlias
  }

  /// Asks ssh.
  ///
  /// - Parameters:
  ///   - host: what its users type.
  ///   - file: the configuration; `nil` is the user's and the system's.
  package typealias Reader = (_ host: String, _ file: String?) throws -> SSHSettings

  /// For where no host's configuration is to be read.
  package static let nobody: @Sendable (String, String?) throws -> SSHSettings = { _, _ in throw Unasked() }

  private struct Unasked: Error, CustomStringConvertible {
    let description = "it is not asked here"
  }
}

/// What a host takes from the user's own ssh_config beside what is written down with it.
package struct SSHConfigUse: Hashable, Sendable, Codable {
  /// What users type: what its `Host` patterns are compared with.
  package var host: String
  /// `nil` is the user's and the system's.
  package var file: String?
  package var directives: [String]
  package var unhonoured: [String]

  package init(host: String, file: String?, directives: [String] = [], unhonoured: [String] = []) {
    (self.host, self.file) = (host, file)
    (self.directives, self.unhonoured) = (directives, unhonoured)
  }
}
