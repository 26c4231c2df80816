public import Fleet
public import Foundation
public import struct Fleet.Host

/// What the planner made of a snapshot: the plans in the order in which they go, and what has to wait.
public struct PlanningResult: Sendable {
  public var plans: [Plan] = []
  public var held: [DeferredHost] = []
  /// Hosts that have a newer certificate than any that is stored here: they are not taken back by themselves.
  public var ahead: [Ahead] = []
  /// Policies under which hosts have not what they should have, beyond what a rollout that passed has tolerated.
  public var unfinished: Set<RolloutPolicy.Name> = []

  /// What a host has, and what it would be taken back to.
  public struct Ahead: Hashable, Sendable, Codable {
    public var host: Host.Name
    public var lineage: Lineage.Name
    public var has: Generation
    public var newest: Generation
  }

  /// A host that is not what it should be and is left alone until later.
  public struct DeferredHost: Hashable, Sendable, Codable {
    public var policy: RolloutPolicy.Name
    public var host: Host.Name
    /// `nil`: until a person says so, or something else is wanted.
    public var until: Date?
    public var reason: String
    /// How its last visit ended.
    public var end: VisitEnd
    public var rollout: Rollout.ID
    /// Whether the other hosts of the policy wait for it.
    public var holdsPolicy: Bool

    private enum CodingKeys: String, CodingKey {
      case policy, host, until, reason, end, rollout
      case holdsPolicy = "holds_policy"
    }
  }
}

/// What is asked for beyond what is due.
public struct PlanRequest: Hashable, Sendable {
  public var push: Push
  /// Whether hosts that failed are tried before their pause is over.
  public var ignoresPauses: Bool
  /// The hosts to look at; `nil` for all.
  public var hosts: Set<Host.Name>?
  /// What rollouts that wait are to bring, which no second one brings meanwhile.
  public var underWay: [RolloutPolicy.Name: Set<Lineage.Name>] = [:]

  func isUnderWay(_ lineage: Lineage.Name, under policy: RolloutPolicy.Name) -> Bool {
    underWay[policy]?.contains(lineage) ?? false
  }

  public enum Push: Hashable, Sendable {
    /// What is not where it should be.
    case due
    /// What is already there as well.
    case everything
    /// The hooks of what is there, and nothing else.
    case hooksOnly
  }

  public init(push: Push = .due, ignoresPauses: Bool = false, hosts: Set<Host.Name>? = nil) {
    self.push = push
    self.ignoresPauses = ignoresPauses
    self.hosts = hosts
  }
}
