import Fleet
import FoundationEssentials
import Planning
import Reporting
import Storage

/// What of the fleet is declared so that nothing comes of it, or that nobody would see it fail.
extension Controller {
  func fleetFindings(_ now: Date) async throws -> [Finding] {
    var findings: [Finding] = []
    let (hosts, lineages) = (try await store.hosts(), try await store.lineages())
    let unpinned = try await unpinnedHosts()
    if !unpinned.isEmpty {
      findings.append(
        Finding(
          .problem, "no host key of \(HostSet.folded(unpinned)) is pinned, so nobody logs in there",
          mend:
            "compare what they show: certfleet host pin --scan; then: \(Remedy.pinHost(unpinned.count == 1 ? unpinned[0] : nil))"
        ))
    }
    let idle = hosts.filter { host in !lineages.contains { $0.goes(to: host) } }.map(\.name)
    // One that others are reached through has its use.
    let jumps = Set(hosts.compactMap(\.via))
    let useless = idle.filter { !jumps.contains($0) }
    if !useless.isEmpty {
      findings.append(
        Finding(
          .warning, "no certificate goes to \(HostSet.folded(useless))",
          mend: "let a deployment's 'to' pick them, or take them out of the inventory"))
    }
    for lineage in lineages where lineage.deployments.isEmpty {
      findings.append(
        Finding(
          .warning, "\(lineage.name) is issued and goes to no host",
          mend: "say where: deploy: [{ to: \"…\" }] in the inventory"))
    }
    let statuses = try await store.statuses()
    for shortfall in try await shortfalls(statuses, now: now) {
      switch shortfall {
      case .unverified(let name):
        findings.append(
          Finding(
            .warning, "nobody looks at what is served of \(name)",
            mend: "say where it is seen: verify: [{ tls: 443 }] in its deployment"))
      case .unseen, .ended, .overdue, .notIssued, .renewalFails, .lacksNames, .fromStandIn:
        for line in CertificateShortfall.lines(of: [shortfall], now: now) {
          findings.append(
            Finding(
              shortfall.isSerious ? .problem : .warning, line,
              mend: "\(Remedy.list(.certificates)); certfleet report"))
        }
      }
    }
    return findings
  }
}
