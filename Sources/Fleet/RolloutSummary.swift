public import Foundation

/// A rollout in a line of a list.
public struct RolloutSummary: Hashable, Sendable, Codable {
  public let id: Rollout.ID
  public let state: RolloutState
  public let reason: String
  public let policy: RolloutPolicy.Name
  public let hosts: Int
  public let waves: Int
  public let certificates: [Lineage.Name]
  public let startedAt: Date
  public let endedAt: Date?

  private enum CodingKeys: String, CodingKey {
    case id, state, reason, policy, hosts, waves, certificates
    case startedAt = "started_at"
    case endedAt = "ended_at"
  }

  public init(
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
