package import Fleet
package import FoundationEssentials

/// A rollout as it goes: its wave as a bar, who is at work, and since when.
package struct WavePicture: Sendable {
  private let plan: Plan
  private var since: [Host.Name: Date] = [:]

  package init(_ rollout: Rollout) { plan = rollout.plan }

  package mutating func note(_ event: Event) {
    guard let host = event.subject.host else { return }
    switch event.kind {
    case .visitStarted, .revertStarted: since[host] = event.at
    case .visitEnded: since[host] = nil
    default: break
    }
  }

  /// One line: the wave that is under way.
  package func status(_ ledger: RolloutLedger) -> String {
    guard let index = ledger.waves.firstIndex(where: { ![.passed, .pending, .gated].contains($0.state) })
    else {
      return ""
    }
    let hosts = ledger.members(of: index + 1, in: plan).map(\.host.name)
    let ends = hosts.compactMap { ledger.end(of: $0) }
    let bad = ends.count { $0.account != .success }
    let width = 20
    let filled = hosts.isEmpty ? 0 : ends.count * width / hosts.count
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    let trouble = bad == 0 ? "" : ", \(bad) not well"
    let atWork = HostSet.folded(since.keys)
    return
      "wave \(index + 1)/\(plan.waves.count) \(ledger.waves[index].state.words) [\(bar)] \(ends.count)/\(hosts.count)\(trouble)"
      + (atWork.isEmpty ? "" : "; at work: \(atWork)")
  }

  /// Every host that is awaited, with its last step and for how long, longest first.
  package func awaited(_ ledger: RolloutLedger, now: Date) -> String {
    guard !since.isEmpty else { return "nobody is awaited" }
    return since.sorted { $0.value < $1.value }.map { host, moment in
      let step = ledger.visits[host]?.step.map { "after \($0.rawValue)" } ?? "connecting"
      return
        "\(host): \(step), for \(Duration.seconds(max(now.timeIntervalSince(moment), 0).rounded()).short)"
    }.joined(separator: "\n")
  }
}
