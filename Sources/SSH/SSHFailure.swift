/// Why a connection could not be made or went away, by what the caller can do about it.
package enum SSHFailure: Error, Hashable, Sendable {
  /// Nothing was sent to the host's shell, and another try may succeed.
  case unreachable(String)
  /// The server takes no more connections now (MaxStartups or PerSourcePenalties in sshd_config(5)).
  case busy(String)
  /// The connection to the host in between has been opening another way for too long. Over another one it may go at once.
  case occupied(String)
  /// This machine has no descriptor or memory left for one more connection, which says nothing about the host.
  case exhausted(String)
  /// The server is not who it is supposed to be. No other try is of use.
  case hostKey(String)
  /// The server has none of the types of key that it may show: it is not who it is supposed to be, either.
  case otherKeyType(offered: [String])
  /// The login was refused, or there is no usable key. No other try is of use.
  case authentication(String)
  /// The server cannot do what is needed: no common algorithm, no command channel.
  case incompatible(String)
  /// The linked libssh2 cannot do what the server, or the key, needs; ssh may.
  case unsupported(String)
  /// A connection that worked has ended, or stopped answering.
  case lost(String)
}

extension SSHFailure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreachable(let why), .busy(let why), .occupied(let why), .exhausted(let why), .hostKey(let why),
      .authentication(let why), .incompatible(let why), .unsupported(let why),
      .lost(let why):
      why
    case .otherKeyType: "it has no host key of the pinned type"
    }
  }
}
