import Fleet
import FoundationEssentials
import Reporting
import Storage

/// Policies under which no rollout comes to its end, or not for long.
extension Controller {
  func policyFindings(_ now: Date) async throws -> [Finding] {
    let (hosts, lineages) = (try await store.hosts(), try await store.lineages())
    let declared = try await store.declaration().policies
    let policies =
      declared + (declared.contains { $0.name == RolloutPolicy.standard.name } ? [] : [.standard])
    let away = Self.away(in: try await store.statuses())
    return policies.flatMap { policy in
      let own = hosts.filter { host in
        lineages.contains {
          $0.deployments.contains { $0.policy == policy.name && $0.selector.matches(host) }
        }
      }
      return own.isEmpty
        ? [] : [bake(policy, now), absent(policy, of: own.map(\.name), away)].compactMap(\.self)
    }
  }

  /// Hosts that a visit did not reach, and that nobody has reached since.
  private static func away(in statuses: [HostCertificateStatus]) -> Set<Host.Name> {
    func isAway(_ status: HostCertificateStatus) -> Bool {
      [.unreachable, .refused].contains(status.lastEnd)
    }
    var missedAt: [Host.Name: Date] = [:]
    for status in statuses where isAway(status) {
      missedAt[status.host] = max(missedAt[status.host] ?? .distantPast, status.lastAt ?? .distantPast)
    }
    for status in statuses {
      guard let missed = missedAt[status.host] else { continue }
      let reached = [status.seenAt, isAway(status) ? nil : status.lastAt].compactMap(\.self)
      if reached.contains(where: { $0 > missed }) { missedAt[status.host] = nil }
    }
    return Set(missedAt.keys)
  }

  /// A wave that is looked at for longer than the window is open: whatever follows waits for another opening.
  private func bake(_ policy: RolloutPolicy, _ now: Date) -> Finding? {
    let longest = policy.windows.flatMap { $0.openings(around: now) }.map(\.duration).max()
    // What comes after the last wave is waited for by nobody; one that is repeated is not the last.
    let bakes = (policy.waves.last?.take == .rest ? policy.waves.dropLast() : policy.waves[...]).map(\.bake)
    guard let longest, let bake = bakes.max(), bake.seconds >= longest else { return nil }
    return Finding(
      .warning,
      "policy \(policy.name): a wave bakes for \(bake.short), and its window is open for \(Duration.seconds(longest).short) at the most: every later wave waits for another opening",
      mend: "bake for less, or open the window for longer, in rollouts: [{ name: \"\(policy.name)\", … }]")
  }

  private func absent(_ policy: RolloutPolicy, of hosts: [Host.Name], _ away: Set<Host.Name>) -> Finding? {
    let allowed = policy.maxUnreachable.unreachable(of: hosts.count)
    let absent = hosts.filter(away.contains)
    guard absent.count > allowed else { return nil }
    return Finding(
      .problem,
      "policy \(policy.name) lets \(allowed) of its \(hosts.count) hosts be out of reach, and \(HostSet.folded(absent)) \(absent.count == 1 ? "was at its last visit" : "were at their last visits"): its rollouts stop",
      mend:
        "see what is in the way: certfleet host check \(absent[0]); or take out of the inventory what is gone: \(Remedy.prune)"
    )
  }
}
