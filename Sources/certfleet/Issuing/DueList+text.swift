import Fleet
import Reporting
import struct Fleet.Host

extension DueList {
  /// For a machine: each certificate, what is to be done about it, and why.
  struct Listed: Encodable {
    enum Action: String, Encodable { case order, take, wait, warn }
    let certificate: Lineage.Name
    let action: Action
    let reason: String
  }

  var listed: [Listed] {
    orders.map { Listed(certificate: $0.lineage.name, action: .order, reason: $0.reason) }
      + imports.map { Listed(certificate: $0.lineage.name, action: .take, reason: $0.reason) }
      + heldBack.map { Listed(certificate: $0.lineage, action: .wait, reason: $0.why) }
      + warnings.map { Listed(certificate: $0.lineage, action: .warn, reason: $0.why) }
  }

  /// For a person: a line for each certificate, and one for all the hosts that make keys of their own.
  var text: String {
    let byLineage = Dictionary(grouping: orders, by: \.lineage.name.declared)
    let ordered = byLineage.keys.sorted().map { name in
      let orders = byLineage[name] ?? []
      let hosts = orders.compactMap(\.lineage.name.host)
      guard !hosts.isEmpty else {
        return "\(name): a new certificate is to be ordered (\(orders[0].reason)), then rolled out\n"
      }
      return
        "\(name): \(hosts.count) order\(hosts.count == 1 ? "" : "s"), one for each host's own key: \(HostSet.folded(hosts))\n"
    }
    let taken = imports.map {
      "\($0.lineage.name): a new certificate is to be taken in (\($0.reason)), then rolled out\n"
    }
    return (ordered + taken + (heldBack + warnings).map { "\($0.lineage): \($0.why.visible)\n" }).joined()
  }
}
