package import Fleet
package import Foundation

/// Which host has which generation, since when, expiring when, and how the last visit went.
package struct FleetReport: Sendable, Codable {
  package let generatedAt: Date
  package let standings: [HostCertificateStatus]
  /// The rollout that was carried out last, and how it ended.
  package let lastRollout: RolloutSummary?

  private enum CodingKeys: String, CodingKey {
    case standings
    case generatedAt = "generated_at"
    case lastRollout = "last_rollout"
  }

  package init(generatedAt: Date, standings: [HostCertificateStatus], lastRollout: RolloutSummary?) {
    self.generatedAt = generatedAt
    self.standings = standings
    self.lastRollout = lastRollout
  }

  package var text: String {
    var table = Table("CERTIFICATE", "HOST", "HAS", "WANTED", "SINCE", "EXPIRES", "LAST RESULT")
    for standing in standings {
      table.add(
        standing.lineage.rawValue, standing.host.rawValue, standing.active.map(\.description) ?? "-",
        standing.wanted.map(\.description) ?? "-", standing.activeSince.map(\.stamp) ?? "-",
        standing.expires.map { $0.relative(to: generatedAt) } ?? "-", Self.result(standing))
    }
    return table.text + "\n" + summary + "\n"
  }

  private static func result(_ standing: HostCertificateStatus) -> String {
    if standing.active != nil, !standing.isKept, standing.lastEnd?.account != .failure {
      return "not finished: the visit is under way or was interrupted"
    }
    guard let end = standing.lastEnd else { return "not visited yet" }
    let reason = standing.lastReason.isEmpty ? "" : ": " + standing.lastReason.visible.shortened(to: 120)
    return end.words + (standing.lastRollout.map { " (rollout \($0))" } ?? "") + reason
  }

  /// One sentence: how many places have what they should have, who has not, and how the last rollout ended.
  package var summary: String {
    guard !standings.isEmpty else {
      return "no certificate is deployed to any host; declare it: certfleet apply"
    }
    let behind = standings.filter { !$0.isConverged }
    let hosts = Set(standings.map(\.host))
    var text =
      "\(counted(hosts.count, "host")), \(counted(Set(standings.map(\.lineage)).count, "certificate")): "
    text +=
      behind.isEmpty
      ? "everything is as it should be"
      : "\(HostSet.folded(Set(behind.map(\.host)))) \(behind.count == 1 ? "lacks" : "lack") the newest certificate"
    if let lastRollout, lastRollout.state != .succeeded {
      let state =
        lastRollout.state.isEnd || lastRollout.state == .paused
        ? lastRollout.state.words : "is not finished; go on with: certfleet run"
      text += "\nrollout \(lastRollout.id) \(state)"
      if !lastRollout.reason.isEmpty { text += ": \(lastRollout.reason)" }
    }
    return text
  }

  private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
