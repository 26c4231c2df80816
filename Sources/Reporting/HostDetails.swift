package import Fleet
package import FoundationEssentials

/// All about one host: how it is reached, whose key it may show, what it has.
package struct HostDetails: Sendable, Codable, Report {
  package static let schema = JSONText.Schema.host

  package let host: Host
  /// The way that is taken to it.
  package let way: ConnectionWay
  package let pinned: [HostKey]
  package let statuses: [HostCertificateStatus]

  package init(host: Host, way: ConnectionWay, pinned: [HostKey], statuses: [HostCertificateStatus]) {
    self.way = way
    (self.host, self.pinned, self.statuses) = (host, pinned, statuses)
  }

  package func text(now: Date) -> String {
    let address = host.address.contains(":") ? "[\(host.address)]" : host.address
    let login = "login \(host.user ?? "(you)")\(host.become.map { ", \($0.words)" } ?? "")"
    let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let head =
      ["\(host.name)", "\(address):\(host.port)", login]
      + (labels.isEmpty ? [] : [labels.joined(separator: ",")])
    let keys = pinned.map { "\($0.type) \($0.fingerprint)" }
    var text = head.joined(separator: "   ") + "\n"
    if let via = host.via { text += "via    \(via)\n" }
    text += "way    \(way.words)\n"
    if let site = host.site { text += "site   \(site)\n" }
    if host.showsKey {
      text +=
        "key    "
        + (keys.isEmpty ? "none is pinned: \(Remedy.pinHost(host.name))" : keys.joined(separator: ", "))
        + "\n"
    }
    let takesOver = host.takeOver.map { ", takes over what \($0.rawValue) has there" } ?? ""
    text += "base   \(host.base)\(takesOver)\(host.hasAgent ? ", by an installed agent" : "")\n"
    guard !statuses.isEmpty else { return text + "no certificate goes to it\n" }
    var table = Table("CERTIFICATE", "HAS", "WANTED", "SINCE", "SEEN", "ENDS IN")
    for status in statuses {
      table.add(
        [
          status.lineage.rawValue, status.active.map(\.description) ?? "-",
          status.wanted.map(\.description) ?? "-", status.activeSince.map { $0.age(at: now) } ?? "-",
          status.seenAt.map { $0.age(at: now) } ?? "-", status.expires.map { $0.distance(from: now) } ?? "-",
        ], below: FleetReport.result(status))
    }
    return text + table.text + "log    \(Remedy.showHostLog(host.name))\n"
  }
}
