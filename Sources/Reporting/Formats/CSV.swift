import Fleet
import FoundationEssentials

extension FleetReport {
  /// A line for each certificate on each host, under a line of names (RFC 4180).
  package var csv: String {
    let names = [
      "host", "certificate", "wanted", "active", "converged", "expires", "seen_at", "drift", "last_end",
      "last_at",
      "last_rollout", "last_reason",
    ]
    return names.joined(separator: ",") + "\r\n" + statuses.map { $0.csv + "\r\n" }.joined()
  }
}

extension HostCertificateStatus {
  fileprivate var csv: String {
    let fields: [String?] = [
      host.rawValue, lineage.rawValue, wanted?.description, active?.description, isConverged ? "yes" : "no",
      expires?.ISO8601Format(), seenAt?.ISO8601Format(), drift?.rawValue, lastEnd?.rawValue,
      lastAt?.ISO8601Format(),
      lastRollout?.description, lastReason,
    ]
    return fields.map { ($0 ?? "").csvField }.joined(separator: ",")
  }
}

extension String {
  /// In quotes where it must be. A program for tables calculates what begins as a formula does: an apostrophe keeps it from that.
  fileprivate var csvField: String {
    let text = visible
    let safe = text.first.map { "=+-@".contains($0) } ?? false ? "'" + text : text
    guard safe.contains(where: { "\",".contains($0) }) else { return safe }
    return "\"\(safe.replacing("\"", with: "\"\""))\""
  }
}
