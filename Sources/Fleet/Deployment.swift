/// Lineage → hosts: which hosts get a certificate, what runs there, and how it is checked.
public struct Deployment: Hashable, Sendable, Codable {
  public var selector: Selector
  /// The policy that carries it; `nil` is `RolloutPolicy.standard`.
  public var rollout: RolloutPolicy.Name?
  public var hooks: Hooks
  public var verify: [Verification]

  public init(selector: Selector, rollout: RolloutPolicy.Name?, hooks: Hooks, verify: [Verification]) {
    self.selector = selector
    self.rollout = rollout
    self.hooks = hooks
    self.verify = verify
  }
}

/// A command that runs on a host at a moment of a visit.
public struct Hook: Hashable, Sendable {
  /// Given to `/bin/sh -c` byte for byte.
  public var command: String
  /// After this its process group is sent TERM, then KILL.
  public var timeout: Duration

  public init(command: String, timeout: Duration = Hook.standardTimeout) {
    self.command = command
    self.timeout = timeout
  }

  public static let standardTimeout = Duration.seconds(60)

  /// When a hook runs, in certbot's words.
  public enum Moment: String, Hashable, Sendable, Codable, CaseIterable {
    case pre, deploy, post
  }
}

extension Hook: Codable {
  private enum Key: String, CodingKey {
    case command
    case seconds = "timeout_seconds"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    command = try values.decode(String.self, forKey: .command)
    timeout = .seconds(try values.decode(Double.self, forKey: .seconds))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(command, forKey: .command)
    try values.encode(timeout.seconds, forKey: .seconds)
  }
}

/// The hooks of one deployment, by moment.
public struct Hooks: Hashable, Sendable, Codable {
  public var pre: [Hook]
  public var deploy: [Hook]
  public var post: [Hook]

  public init(pre: [Hook] = [], deploy: [Hook] = [], post: [Hook] = []) {
    self.pre = pre
    self.deploy = deploy
    self.post = post
  }
}

/// Asks the host, at its own address, for the certificate it serves.
public struct Verification: Hashable, Sendable, Codable {
  /// The TCP port that speaks TLS.
  public var port: UInt16
  /// The name to ask for (SNI, RFC 6066 §3).
  public var serverName: String

  public init(port: UInt16, serverName: String) {
    self.port = port
    self.serverName = serverName
  }
}
