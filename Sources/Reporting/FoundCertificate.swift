package import Fleet
package import FoundationEssentials

/// A certificate that hosts have today, whoever brought it there.
package struct FoundCertificate: Hashable, Sendable, Encodable {
  package let names: [String]
  package let hosts: [Host.Name]
  /// Who reads it: `nginx`, `postfix` …
  package let services: [String]
  /// Where it is served, as far as that was seen from here.
  package let ports: [Int]
  /// What renews it on the host, as far as that was found; empty where it is not known.
  package let clients: [String]
  package let issuer: String
  package let isSelfSigned: Bool
  /// Whether certfleet has issued it, or taken it in.
  package let isManaged: Bool
  /// When the first of them ends.
  package let notAfter: Date

  private enum CodingKeys: String, CodingKey {
    case names, hosts, services, ports, clients, issuer
    case isSelfSigned = "is_self_signed"
    case isManaged = "is_managed"
    case notAfter = "not_after"
  }

  package init(
    names: [String], hosts: [Host.Name], services: [String], ports: [Int], clients: [String], issuer: String,
    isSelfSigned: Bool, isManaged: Bool, notAfter: Date
  ) {
    (self.names, self.hosts, self.services, self.ports) = (names, hosts, services, ports)
    (self.clients, self.issuer, self.isSelfSigned) = (clients, issuer, isSelfSigned)
    (self.isManaged, self.notAfter) = (isManaged, notAfter)
  }
}

extension FoundCertificate: ReportRow {
  package static let schema = JSONText.Schema.discovery

  package static func text(of rows: [FoundCertificate], now: Date) -> String {
    guard !rows.isEmpty else { return "no certificate was found\n" }
    var table = Table("CERTIFICATE", "HOSTS", "READ BY", "PORTS", "RENEWED BY", "ENDS IN")
    for row in rows {
      let more = row.names.count > 1 ? " +\(row.names.count - 1)" : ""
      table.add(
        (row.names.first ?? "without a name").visible.shortened(to: 60) + more, HostSet.folded(row.hosts),
        row.services.isEmpty ? "-" : row.services.joined(separator: ", "),
        row.ports.isEmpty ? "-" : row.ports.map(String.init).joined(separator: ", "), row.renewer,
        row.notAfter <= now ? "ENDED" : row.notAfter.distance(from: now))
    }
    return table.text
  }

  private var renewer: String {
    if isManaged { return "certfleet" }
    if !clients.isEmpty { return clients.joined(separator: ", ") }
    return isSelfSigned ? "nobody: its own" : "not found"
  }
}
