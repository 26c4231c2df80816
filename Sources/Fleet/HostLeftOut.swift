/// A host that is known beforehand not to let anybody in, and is left out of rollouts until a person has acted.
package struct HostLeftOut: Hashable, Sendable, Encodable {
  package var host: Host.Name
  package var why: Reason

  package enum Reason: Hashable, Sendable {
    case noPinnedKey
    /// As the connection tells it: another host key, a refused login.
    case refused(String)
  }

  package init(_ host: Host.Name, _ why: Reason) {
    self.host = host
    self.why = why
  }

  private enum CodingKeys: String, CodingKey { case host, reason }

  /// Without a reason it has no pinned key.
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(host, forKey: .host)
    if case .refused(let reason) = why { try values.encode(reason, forKey: .reason) }
  }
}
