/// Who may read the key in certbot's layout on a host (`privkey.pem`): services that read it by a group of theirs. It is the
/// same in every generation.
package struct KeyLayout: Hashable, Sendable, Codable {
  /// `nil` is the agent's user.
  package var owner: String?
  /// `nil` is the agent's user's.
  package var group: String?
  /// Octal: for its owner, and at the most for its group.
  package var mode: String

  package init(owner: String? = nil, group: String? = nil, mode: String) {
    self.owner = owner
    self.group = group
    self.mode = mode
  }
}
