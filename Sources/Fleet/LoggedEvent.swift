/// An event as it stands in the log, with its number.
package struct LoggedEvent: Hashable, Sendable {
  package let id: Int
  package let event: Event

  package init(id: Int, event: Event) {
    self.id = id
    self.event = event
  }
}

extension LoggedEvent: Encodable {
  private enum Key: String, CodingKey { case id, at, rollout, wave, host, attempt, lineage }

  /// Flat: what it happened to, and the members of its kind.
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    let subject = event.subject
    try values.encode(id, forKey: .id)
    try values.encode(event.at, forKey: .at)
    try values.encodeIfPresent(subject.rollout, forKey: .rollout)
    try values.encodeIfPresent(subject.wave, forKey: .wave)
    try values.encodeIfPresent(subject.host, forKey: .host)
    try values.encodeIfPresent(subject.attempt, forKey: .attempt)
    try values.encodeIfPresent(subject.lineage, forKey: .lineage)
    try event.kind.encode(to: encoder)
  }
}
