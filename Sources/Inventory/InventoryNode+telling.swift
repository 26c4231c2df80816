import Fleet
import FoundationEssentials
import System

extension InventoryNode {
  /// `{ file: "/var/lib/prometheus/node-exporter/certfleet.prom" }`.
  func metrics() -> MetricsFile? {
    object { fields in
      guard let file = fields.required("file"), let path = file.expandedPath() else { return nil }
      // node_exporter reads no other.
      guard path.hasSuffix(".prom") else {
        return file.refuse(
          "\(file.value.shown) must end in .prom, or node_exporter's collector passes it over")
      }
      return MetricsFile(file: path)
    }
  }

  /// `{ command: "…" }`, `{ mail: ["ops@example.com"] }`, `{ webhook: "https://…", form: "slack" }`.
  func notifier() -> Notifier? {
    object { fields in
      let name = fields["name"].flatMap { $0.name() }
      let ways = ["command", "mail", "webhook"].filter { fields[$0] != nil }
      guard ways.count == 1, let word = ways.first else {
        return refuse(
          "expected one of command, mail and webhook\(ways.isEmpty ? "" : ", got \(ways.joined(separator: " and "))")"
        )
      }
      for key in ["form", "secret_file", "ca_file"] where word != "webhook" {
        if let node = fields[key] { node.fail("'\(key)' is for a webhook") }
      }
      guard let way = fields[word]?.way(word, fields) else { return nil }
      return Notifier(name: name ?? word, way: way)
    }
  }

  private func way(_ word: String, _ fields: InventoryObject) -> Notifier.Way? {
    switch word {
    case "command": return hookCommand().map { .command($0) }
    case "mail":
      let addresses = listOrOne().compactMap { $0.mailAddress() }
      return addresses.isEmpty ? nil : .mail(to: addresses)
    default:
      guard let text = string() else { return nil }
      guard let url = URL(string: text), url.scheme == "https", url.host()?.isEmpty == false else {
        return refuse("\(value.shown) is not an https:// URL")
      }
      let form = fields["form"].map { $0.choice(Notifier.WebhookForm.self) } ?? .json
      let secret = fields["secret_file"].map { $0.secretFile() }
      let authority = fields["ca_file"].map { $0.readableFile() }
      guard let form, secret.map({ $0 != nil }) ?? true, authority.map({ $0 != nil }) ?? true else {
        return nil
      }
      if form == .pagerduty, secret == nil {
        return refuse("form 'pagerduty' needs secret_file: a file with the integration key")
      }
      return .webhook(url: text, form: form, secretFile: secret ?? nil, caFile: authority ?? nil)
    }
  }

  /// As far as it can be put into a header without becoming more than one.
  private func mailAddress() -> String? {
    guard let text = string() else { return nil }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    let isPlain = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"\"(),:;<>[\\]".utf8.contains($0) }
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), isPlain, !text.hasPrefix("-") else {
      return refuse("\(value.shown) is not a mail address")
    }
    return text
  }
}
