#if PostgreSQL
  import Agents
  import Engine
  import Fleet
  import Issuance

  /// What a controller asks of one host for the leader, which does not reach it.
  enum HostTask: Sendable, Codable {
    case run(AgentTask, Host.Name)
    case look(Proof, Host.Name, port: UInt16)
    /// Whether it serves this one wherever that is to be seen.
    case serves(Fingerprint, Lineage.Name, Host.Name)

    var host: Host.Name {
      switch self {
      case .run(_, let host), .look(_, let host, _), .serves(_, _, let host): host
      }
    }
  }

  /// What has come of one.
  enum HostAnswer: Hashable, Sendable, Codable {
    /// What the host said along; nothing where it only had to be as was asked.
    case done(String)
    case failed(AgentTaskRunner.Failure)
    case notSeen(String)
  }
#endif
