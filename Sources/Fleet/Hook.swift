/// A command that runs at a moment of a visit, on the host or beside the wave on the controller.
package struct Hook: Hashable, Sendable {
  /// Given to `/bin/sh -c` byte for byte; or `@name` of a ready-made one, with its arguments.
  package var command: String
  /// After this its process group is sent TERM, then KILL.
  package var timeout: Duration
  /// Whom it runs as; `nil` is whom the agent runs as.
  package var user: String?
  package var place: Place
  package var onFailure: FailurePolicy
  /// Beside certbot's and certfleet's own variables.
  package var environment: [String: String]

  package init(
    command: String, timeout: Duration = Hook.standardTimeout, user: String? = nil, place: Place = .host,
    onFailure: FailurePolicy = .stop, environment: [String: String] = [:]
  ) {
    self.command = command
    self.timeout = timeout
    self.user = user
    self.place = place
    self.onFailure = onFailure
    self.environment = environment
  }

  /// Whether certfleet brings it along.
  package var isReadyMade: Bool { command.hasPrefix("@") }

  package static let standardTimeout = Duration.seconds(60)

  /// When a hook runs, in certbot's words.
  package enum Moment: String, Hashable, Sendable, Codable, CaseIterable {
    case pre, deploy, post
  }

  package enum Place: String, Hashable, Sendable, Codable, CaseIterable {
    case host
    /// Once for a wave: before its first host, or after its last one.
    case controller
  }

  /// What its failure does.
  package enum FailurePolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// The visit goes back.
    case stop
    /// It is recorded, and the visit goes on and ends degraded.
    case `continue`
  }
}

extension Hook: Codable {
  private enum Key: String, CodingKey {
    case command, user, place, environment
    case seconds = "timeout_seconds"
    case onFailure = "on_failure"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    command = try values.decode(String.self, forKey: .command)
    timeout = .seconds(try values.decode(Double.self, forKey: .seconds))
    user = try values.decodeIfPresent(String.self, forKey: .user)
    place = try values.decodeIfPresent(Place.self, forKey: .place) ?? .host
    onFailure = try values.decodeIfPresent(FailurePolicy.self, forKey: .onFailure) ?? .stop
    environment = try values.decodeIfPresent([String: String].self, forKey: .environment) ?? [:]
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(command, forKey: .command)
    try values.encode(timeout.seconds, forKey: .seconds)
    try values.encodeIfPresent(user, forKey: .user)
    if place != .host { try values.encode(place, forKey: .place) }
    if onFailure != .stop { try values.encode(onFailure, forKey: .onFailure) }
    if !environment.isEmpty { try values.encode(environment, forKey: .environment) }
  }
}

/// The hooks of one deployment, by moment.
package struct Hooks: Hashable, Sendable {
  package var pre: [Hook]
  package var deploy: [Hook]
  package var post: [Hook]
  /// Before a certificate is taken away from the host.
  package var retire: [Hook]
  /// Folders on the host with certbot's `pre`, `deploy` and `post` in them, whose programs run first.
  package var directories: [String]
  /// Whether a deploy command that several certificates of a visit share runs once for all of them.
  package var isCoalesced: Bool

  package init(
    pre: [Hook] = [], deploy: [Hook] = [], post: [Hook] = [], retire: [Hook] = [], directories: [String] = [],
    isCoalesced: Bool = false
  ) {
    self.pre = pre
    self.deploy = deploy
    self.post = post
    self.retire = retire
    self.directories = directories
    self.isCoalesced = isCoalesced
  }

  package subscript(_ moment: Hook.Moment) -> [Hook] {
    switch moment {
    case .pre: pre
    case .deploy: deploy
    case .post: post
    }
  }
}

extension Hooks: Codable {
  private enum CodingKeys: String, CodingKey {
    case pre, deploy, post, retire, directories
    case isCoalesced = "coalesce"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    pre = try values.decode([Hook].self, forKey: .pre)
    deploy = try values.decode([Hook].self, forKey: .deploy)
    post = try values.decode([Hook].self, forKey: .post)
    retire = try values.decodeIfPresent([Hook].self, forKey: .retire) ?? []
    directories = try values.decodeIfPresent([String].self, forKey: .directories) ?? []
    isCoalesced = try values.decodeIfPresent(Bool.self, forKey: .isCoalesced) ?? false
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(pre, forKey: .pre)
    try values.encode(deploy, forKey: .deploy)
    try values.encode(post, forKey: .post)
    if !retire.isEmpty { try values.encode(retire, forKey: .retire) }
    try values.encode(directories, forKey: .directories)
    try values.encode(isCoalesced, forKey: .isCoalesced)
  }
}
