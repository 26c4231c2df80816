/// As whom the agent runs on a host, where that is not the login's user.
package struct Become: Hashable, Sendable {
  package enum Method: String, Hashable, Sendable, Codable, CaseIterable { case sudo, doas }

  package var method: Method
  /// `nil` is root.
  package var user: String?
  /// A file on the controller whose first line sudo is told when it asks; `nil` where it must not ask.
  package var passwordFile: String?

  package init(_ method: Method = .sudo, user: String? = nil, passwordFile: String? = nil) {
    (self.method, self.user, self.passwordFile) = (method, user, passwordFile)
  }

  /// For a person.
  package var words: String {
    "\(method.rawValue)\(user.map { " -u \($0)" } ?? "")\(passwordFile == nil ? "" : ", with a password")"
  }
}

extension Become: Codable {
  private enum CodingKeys: String, CodingKey {
    case method, user
    case passwordFile = "password_file"
  }
}
