/// How a host is reached, as it is declared.
package enum ConnectionKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// By libssh2, and by the system's ssh where the linked libssh2 cannot.
  case auto
  case libssh2
  /// By the system's ssh, a process for each connection.
  case ssh
  /// The agent runs on the controller; the address is where services are looked at.
  case local
}

/// The way that is taken to a host, and why.
package struct ConnectionWay: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable { case libssh2, ssh, local }

  package var kind: Kind
  /// Why it is not libssh2; empty where it is.
  package var reason: String

  package init(_ kind: Kind, because reason: String = "") { (self.kind, self.reason) = (kind, reason) }

  /// For a person.
  package var words: String { reason.isEmpty ? kind.rawValue : "\(kind.rawValue) (\(reason))" }
}
