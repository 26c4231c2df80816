package import Fleet
package import FoundationEssentials

/// Which host has which generation, since when, expiring when, and how the last visit went.
package struct FleetReport: Sendable, Encodable, Report {
  package static let schema = JSONText.Schema.report

  package let generatedAt: Date
  package let statuses: [HostCertificateStatus]
  /// What is not as it should be, the worst first.
  package let troubles: [Trouble]
  /// A line for each certificate.
  package let certificates: [CertificateSummary]
  /// The rollout that was carried out last, and how it ended.
  package let lastRollout: RolloutSummary?
  /// The newest first.
  package let rollouts: [RolloutSummary]
  /// When runs ended; `nil` before the first.
  package let runs: RunMoments?
  /// Whether it was asked for a part of the fleet.
  package var isPart = false
  /// What else is not as it should be.
  package let shortfalls: [CertificateShortfall]

  private enum CodingKeys: String, CodingKey {
    case statuses, troubles, certificates
    case generatedAt = "generated_at"
    case lastRollout = "last_rollout"
  }

  /// - Parameters:
  ///   - rollouts: the newest first, as many as were not ended yet.
  ///   - unpinned: hosts that certificates go to and nobody can.
  package init(
    generatedAt: Date, statuses: [HostCertificateStatus], certificates: [ListedCertificate] = [],
    rollouts: [RolloutSummary] = [], unpinned: [Host.Name] = [], runs: RunMoments? = nil,
    shortfalls: [CertificateShortfall] = []
  ) {
    self.generatedAt = generatedAt
    self.statuses = statuses
    self.shortfalls = shortfalls
    lastRollout = rollouts.first
    self.rollouts = rollouts
    self.runs = runs
    troubles = Troubles.all(statuses, shortfalls, rollouts: rollouts, unpinned: unpinned, now: generatedAt)
    let troubled = Set(troubles.flatMap(\.certificates).map(\.declared))
    self.certificates = CertificateSummary.all(certificates, statuses, troubled: troubled)
  }

  /// Those that have not come to their end.
  var openRollouts: [RolloutSummary] { rollouts.filter { !$0.state.isEnd } }

  package func text(now: Date) -> String {
    Self.table(of: statuses, at: generatedAt).text + "\n" + summary + "\n"
  }

  static func table(of statuses: [HostCertificateStatus], at now: Date) -> Table {
    var table = Table("CERTIFICATE", "HOST", "HAS", "WANTED", "SINCE", "SEEN", "EXPIRES", "LAST RESULT")
    for status in statuses {
      var cells = [status.lineage.rawValue, status.host.rawValue]
      cells.append(status.active.map(\.description) ?? "-")
      cells.append(status.wanted.map(\.description) ?? "-")
      cells.append(status.activeSince.map(\.stamp) ?? "-")
      cells.append(status.seenAt.map { $0.relative(to: now) } ?? "-")
      cells.append(status.expires.map { $0.relative(to: now) } ?? "-")
      cells.append(result(status))
      table.add(cells)
    }
    return table
  }

  static func result(_ status: HostCertificateStatus) -> String {
    if status.active != nil, !status.isKept, status.lastEnd?.account != .failure {
      return "not finished: the visit is under way or was interrupted"
    }
    if let drift = status.drift {
      return "drifted: \(drift.words): \((status.driftDetail ?? "").visible.shortened(to: 120))"
    }
    guard let end = status.lastEnd else {
      return status.active == nil ? "not visited yet" : "taken over as it was found"
    }
    let reason = status.lastReason.isEmpty ? "" : ": " + status.lastReason.visible.shortened(to: 120)
    return end.words + (status.lastRollout.map { " (rollout \($0))" } ?? "") + reason
  }

  /// One sentence: how many places have what they should have, who has not, and how the last rollout ended.
  package var summary: String {
    guard !statuses.isEmpty else {
      return "no certificate is deployed to any host; declare it: \(Remedy.apply)"
    }
    let behind = statuses.filter { !$0.isConverged }
    let hosts = Set(statuses.map(\.host))
    var text =
      "\(counted(hosts.count, "host")), \(counted(Set(statuses.map(\.lineage)).count, "certificate")): "
    let placed = behind.filter { $0.lastEnd == .placed && $0.wanted == $0.active }
    let drifted = behind.filter { $0.drift != nil && $0.wanted == $0.active && !placed.contains($0) }
    let lacking = behind.filter { !placed.contains($0) && !drifted.contains($0) }
    var parts: [String] = []
    if !lacking.isEmpty {
      parts.append("\(folded(lacking)) \(lacking.count == 1 ? "lacks" : "lack") the newest certificate")
    }
    if !placed.isEmpty {
      parts.append(
        "\(folded(placed)) \(placed.count == 1 ? "has" : "have") it and \(placed.count == 1 ? "serves" : "serve") another still: point the configuration there at it, and reload"
      )
    }
    for (kind, statuses) in Dictionary(grouping: drifted, by: \.drift).sorted(by: {
      $0.value[0].host < $1.value[0].host
    }) {
      parts.append(
        "\(folded(statuses)) \(statuses.count == 1 ? "has" : "have") drifted (\(kind?.words ?? ""): \((statuses[0].driftDetail ?? "").visible.shortened(to: 160)))"
      )
    }
    if parts.isEmpty {
      let age = statuses.compactMap(\.seenAt).min().map {
        Duration.seconds(generatedAt.timeIntervalSince($0))
      }
      let seen = age.map { ", seen within the last \(max($0, .seconds(60)).short)" } ?? ""
      parts = [
        (shortfalls.isEmpty ? "everything is as it should be" : "every host has its newest certificate")
          + seen
      ]
    }
    text += parts.joined(separator: "; ")
    text += CertificateShortfall.lines(of: shortfalls, now: generatedAt).map { "\n" + $0 }.joined()
    // What was left of one that came to its end may have been mended since.
    if let lastRollout, lastRollout.state != .succeeded, !(behind.isEmpty && lastRollout.state == .partial) {
      let state =
        lastRollout.state.isEnd || lastRollout.state == .paused
        ? lastRollout.stateWords : "is not finished; go on with: \(Remedy.run)"
      text += "\nrollout \(lastRollout.id) \(state)"
      if !lastRollout.reasonNow.isEmpty { text += ": \(lastRollout.reasonNow.visible)" }
    }
    return text
  }

  private func folded(_ statuses: [HostCertificateStatus]) -> String {
    HostSet.folded(Set(statuses.map(\.host)))
  }

  private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
