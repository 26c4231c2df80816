package import Fleet
package import FoundationEssentials

/// What happened, as the log has it.
package struct LogReport: Sendable {
  private let events: [LoggedEvent]
  private let withOutput: Bool

  /// - Parameter withOutput: whether hooks' output is shown also where they succeeded.
  package init(_ events: [LoggedEvent], withOutput: Bool) {
    (self.events, self.withOutput) = (events, withOutput)
  }
}

extension LogReport: Report {
  package static let schema = JSONText.Schema.events

  package func text(now: Date) -> String {
    events.map { EventLine.log($0.event, withOutput: withOutput) }.joined()
  }

  private enum Key: String, CodingKey { case items }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(events, forKey: .items)
  }
}
