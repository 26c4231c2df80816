import Fleet
package import Reporting

extension Controller {
  /// What of the fleet is to be told.
  package struct ReportFilter: Sendable {
    package let certificates: [String]
    package let selector: String?
    package let state: FleetReport.State?

    package init(certificates: [String] = [], selector: String? = nil, state: FleetReport.State? = nil) {
      self.certificates = certificates
      self.selector = selector
      self.state = state
    }

    var isAll: Bool { certificates.isEmpty && selector == nil && state == nil }
  }

  /// The same as names.
  struct ReportChoice {
    let lineages: Set<Lineage.Name>?
    let hosts: Set<Host.Name>?

    func has(_ lineage: Lineage.Name, on host: Host.Name) -> Bool {
      lineages?.contains(lineage.declared) ?? true && hosts?.contains(host) ?? true
    }
  }

  func choice(_ filter: ReportFilter) async throws -> ReportChoice {
    let lineages = try await issuable(named: filter.certificates.isEmpty ? nil : filter.certificates)
    var hosts: [Host]?
    if let selector = filter.selector {
      let goingTo = if let lineages { lineages } else { try await issuable() }
      hosts = try await self.hosts(selector, of: goingTo)
    }
    return ReportChoice(
      lineages: lineages.map { Set($0.map(\.name.declared)) }, hosts: hosts.map { Set($0.map(\.name)) })
  }
}

extension CertificateShortfall {
  /// As far as it is of these; `nil` where it is of others.
  func only(_ lineages: Set<Lineage.Name>?, on hosts: Set<Host.Name>?) -> CertificateShortfall? {
    func isAsked(_ lineage: Lineage.Name) -> Bool { lineages?.contains(lineage.declared) ?? true }
    func asked(_ names: [Host.Name]) -> [Host.Name] {
      hosts.map { hosts in names.filter(hosts.contains) } ?? names
    }
    switch self {
    case .ended(let lineage, let names, let end):
      let left = asked(names)
      return isAsked(lineage) && !left.isEmpty ? .ended(lineage, left, end) : nil
    case .unseen(let names, let since):
      let left = asked(names)
      return left.isEmpty ? nil : .unseen(left, since: since)
    case .overdue(let lineage, _), .notIssued(let lineage, _), .renewalFails(let lineage, _, _),
      .lacksNames(let lineage, _),
      .fromStandIn(let lineage, _, _), .unverified(let lineage):
      return isAsked(lineage) ? self : nil
    }
  }

  var unseenHosts: [Host.Name] { if case .unseen(let hosts, _) = self { hosts } else { [] } }
}
