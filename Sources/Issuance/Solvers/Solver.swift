/// Shows control of a name in one challenge type's way.
public protocol Solver: Sendable {
  /// RFC 8555 §9.7.8, for example `http-01`.
  static var type: String { get }

  func present(_ proof: Proof) async throws
  /// Always called after `present`, whether the validation succeeded or not.
  func cleanUp(_ proof: Proof) async
}

/// What a solver must show, and for which name.
public struct Proof: Hashable, Sendable {
  public let domain: String
  public let token: String
  public let keyAuthorization: String

  public init(domain: String, token: String, keyAuthorization: String) {
    self.domain = domain
    self.token = token
    self.keyAuthorization = keyAuthorization
  }
}
