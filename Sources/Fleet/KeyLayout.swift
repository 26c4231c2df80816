/// Who may read the key in certbot's layout on a host (`privkey.pem`): services that read it by a group of theirs. It is the
/// same in every generation.
public struct KeyLayout: Hashable, Sendable, Codable {
  /// `nil` is the agent's user.
  public var owner: String?
  /// `nil` is the agent's user's.
  public var group: String?
  /// Octal: for its owner, and at the most for its group.
  public var mode: String

  public init(owner: String? = nil, group: String? = nil, mode: String) {
    self.owner = owner
    self.group = group
    self.mode = mode
  }
}
