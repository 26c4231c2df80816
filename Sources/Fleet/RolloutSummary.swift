package import FoundationEssentials

/// A rollout in a line of a list.
package struct RolloutSummary: Hashable, Sendable, Codable {
  package let id: Rollout.ID
  package let state: RolloutState
  package let reason: String
  package let policy: RolloutPolicy.Name
  package let hosts: Int
  package let waves: Int
  package let certificates: [Lineage.Name]
  package let startedAt: Date
  package let endedAt: Date?
  /// What it waits for now, of one that is paused; `nil` where the next run goes on.
  package var wait: RolloutWait?

  private enum CodingKeys: String, CodingKey {
    case id, state, reason, policy, hosts, waves, certificates
    case startedAt = "started_at"
    case endedAt = "ended_at"
  }

  package init(
    id: Rollout.ID, state: RolloutState, reason: String, policy: RolloutPolicy.Name, hosts: Int, waves: Int,
    certificates: [Lineage.Name], startedAt: Date, endedAt: Date?
  ) {
    self.id = id
    self.state = state
    self.reason = reason
    self.policy = policy
    self.hosts = hosts
    self.waves = waves
    self.certificates = certificates
    self.startedAt = startedAt
    self.endedAt = endedAt
  }
}
