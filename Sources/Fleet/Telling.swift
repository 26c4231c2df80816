// How the world beside the terminal hears of the fleet.

/// Where figures for Prometheus are written, for node_exporter's textfile collector.
package struct MetricsFile: Hashable, Sendable, Codable {
  package var file: String

  package init(file: String) { self.file = file }
}

/// Who is told when something needs a person, gets worse, or is well again.
package struct Notifier: Hashable, Sendable {
  /// For messages and what is remembered of it.
  package var name: String
  package var way: Way

  package enum Way: Hashable, Sendable {
    /// For `/bin/sh` on the controller, with the message as JSON on its stdin.
    case command(String)
    /// Through `sendmail` (sendmail(8)).
    case mail(to: [String])
    /// - Parameter caFile: the only CAs to trust, in PEM; `nil` trusts the system's.
    case webhook(url: String, form: WebhookForm, secretFile: String?, caFile: String?)
  }

  /// What a webhook's receiver wants to be sent.
  package enum WebhookForm: String, Hashable, Sendable, CaseIterable {
    /// The message, and a signature where there is a secret.
    case json
    case slack, teams, pagerduty, ntfy
  }

  package init(name: String, way: Way) {
    self.name = name
    self.way = way
  }
}

extension Notifier: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, command, mail, webhook, form
    case secretFile = "secret_file"
    case caFile = "ca_file"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    if let command = try values.decodeIfPresent(String.self, forKey: .command) {
      way = .command(command)
    } else if let mail = try values.decodeIfPresent([String].self, forKey: .mail) {
      way = .mail(to: mail)
    } else {
      let form = WebhookForm(rawValue: try values.decode(String.self, forKey: .form)) ?? .json
      way = .webhook(
        url: try values.decode(String.self, forKey: .webhook), form: form,
        secretFile: try values.decodeIfPresent(String.self, forKey: .secretFile),
        caFile: try values.decodeIfPresent(String.self, forKey: .caFile))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    switch way {
    case .command(let command): try values.encode(command, forKey: .command)
    case .mail(let to): try values.encode(to, forKey: .mail)
    case .webhook(let url, let form, let secretFile, let caFile):
      try values.encode(url, forKey: .webhook)
      try values.encode(form.rawValue, forKey: .form)
      try values.encodeIfPresent(secretFile, forKey: .secretFile)
      try values.encodeIfPresent(caFile, forKey: .caFile)
    }
  }
}

/// When runs came to their end.
package struct RunMoments: Hashable, Sendable, Codable {
  /// In seconds since 1970.
  package var endedAt: Double
  /// The last one after which no person had to act.
  package var succeededAt: Double?

  package init(endedAt: Double, succeededAt: Double?) {
    self.endedAt = endedAt
    self.succeededAt = succeededAt
  }

  private enum CodingKeys: String, CodingKey {
    case endedAt = "ended_at"
    case succeededAt = "succeeded_at"
  }
}
