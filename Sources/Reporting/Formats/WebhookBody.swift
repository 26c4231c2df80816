package import Fleet
package import FoundationEssentials

extension Notification {
  /// What a webhook is sent, as its receiver's documents have it.
  ///
  /// - Parameter secret: of PagerDuty the integration's key, which goes into the body.
  package func body(_ form: Notifier.WebhookForm, secret: String?) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return switch form {
    case .json: try encoder.encode(Document(notification: self))
    // Slack, "Sending messages using incoming webhooks".
    case .slack: try encoder.encode(["text": text.escapedForSlack])
    case .teams: try encoder.encode(TeamsMessage(text))
    case .pagerduty: try encoder.encode(PagerDutyEvent(self, key: secret ?? ""))
    // ntfy, "Publishing": the body is the message, and the headers are the rest.
    case .ntfy: Data(text.utf8)
    }
  }

  package func headers(_ form: Notifier.WebhookForm) -> [String: String] {
    switch form {
    case .json, .slack, .teams, .pagerduty: ["Content-Type": "application/json"]
    case .ntfy:
      [
        "Content-Type": "text/plain; charset=utf-8", "Title": title.ascii,
        "Priority": severity == .critical ? "high" : "default",
        "Tags": severity == .ok ? "white_check_mark" : severity == .warning ? "warning" : "rotating_light",
      ]
    }
  }

  /// What `--json` would show, under its schema.
  private struct Document: Encodable {
    let notification: Notification

    private enum Key: String, CodingKey { case schema }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: Key.self)
      try values.encode("certfleet/notification/1", forKey: .schema)
      try notification.encode(to: encoder)
    }
  }
}

/// Microsoft's "Create incoming webhooks with Workflows": an adaptive card.
private struct TeamsMessage: Encodable {
  let type = "message"
  let attachments: [Attachment]

  init(_ text: String) { attachments = [Attachment(content: Card(body: [Block(text: text)]))] }

  struct Attachment: Encodable {
    let contentType = "application/vnd.microsoft.card.adaptive"
    let content: Card
  }
  struct Card: Encodable {
    let schema = "http://adaptivecards.io/schemas/adaptive-card.json"
    let type = "AdaptiveCard"
    let version = "1.4"
    let body: [Block]

    private enum CodingKeys: String, CodingKey {
      case type, version, body
      case schema = "$schema"
    }
  }
  struct Block: Encodable {
    let type = "TextBlock"
    let text: String
    let wrap = true
    let fontType = "Monospace"
  }
}

/// PagerDuty's "Events API v2": one incident for a controller, open while anything is.
private struct PagerDutyEvent: Encodable {
  let routingKey: String
  let eventAction: String
  let dedupKey: String
  let payload: Payload?

  struct Payload: Encodable {
    let summary: String
    let source: String
    let severity: String
    let customDetails: [String: String]

    private enum CodingKeys: String, CodingKey {
      case summary, source, severity
      case customDetails = "custom_details"
    }
  }

  init(_ notification: Notification, key: String) {
    routingKey = key
    let isOver = notification.severity == .ok && !notification.recovered.isEmpty
    eventAction = isOver ? "resolve" : "trigger"
    dedupKey = "certfleet/\(notification.controller)"
    let severity =
      notification.severity == .critical ? "critical" : notification.severity == .warning ? "warning" : "info"
    payload =
      isOver
      ? nil
      : Payload(
        summary: notification.title.shortened(to: 1024), source: notification.controller, severity: severity,
        customDetails: ["text": notification.text])
  }

  private enum CodingKeys: String, CodingKey {
    case payload
    case routingKey = "routing_key"
    case eventAction = "event_action"
    case dedupKey = "dedup_key"
  }
}

extension String {
  /// Slack, "Formatting text for app surfaces": these three are its own.
  fileprivate var escapedForSlack: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }

  fileprivate var ascii: String { String(map { $0.isASCII && !$0.isNewline ? $0 : "?" }) }
}
