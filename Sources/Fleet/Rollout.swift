public import Foundation

/// One frozen plan carried out.
public struct Rollout: Hashable, Sendable, Codable {
  /// Rollouts are numbered from 1.
  public struct ID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { String(number) }

    public init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int.self)
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }
  }

  public let id: ID
  public let plan: Plan
  public let state: RolloutState
  /// Why it is in this state, for a person; empty while it runs.
  public let reason: String
  public let startedAt: Date
  public let endedAt: Date?

  public init(
    id: ID, plan: Plan, state: RolloutState, reason: String, startedAt: Date, endedAt: Date?
  ) {
    self.id = id
    self.plan = plan
    self.state = state
    self.reason = reason
    self.startedAt = startedAt
    self.endedAt = endedAt
  }
}

public enum RolloutState: String, Hashable, Sendable, Codable {
  case running
  /// Every host has what it should have.
  case succeeded
  /// All waves passed; some hosts did not, within the budget.
  case partial
  /// A wave broke its budget, or a person stopped it. Later hosts were not started.
  case halted
  /// What it was to bring is no longer wanted; another rollout takes over.
  case superseded

  public var isEnd: Bool { self != .running }
}

public enum WaveState: String, Hashable, Sendable, Codable {
  case pending, running, passed, failed
}

/// How a host's visit ended.
public enum VisitEnd: String, Hashable, Sendable, Codable, CaseIterable {
  case ok
  /// Already there and served.
  case unchanged
  /// Something failed, and nothing on the host had changed.
  case failedClean = "failed_clean"
  /// The host is back on its previous generation.
  case rolledBack = "rolled_back"
  /// The new certificate is served, but a post hook failed.
  case degraded
  /// Needs a person: the host could not be brought to the new or back to the old state.
  case failedDirty = "failed_dirty"
  case unreachable
  /// Another visit holds the host's lock.
  case deferred
  /// The connection was lost and the host could not be asked again yet.
  case unknown

  /// What budgets count (DESIGN: "Unknown counts as failed").
  public enum Account: Sendable { case success, failure, unreachable }

  public var account: Account {
    switch self {
    case .ok, .unchanged, .degraded: .success
    case .failedClean, .rolledBack, .failedDirty, .unknown: .failure
    case .unreachable, .deferred: .unreachable
    }
  }

  /// As a person reads it.
  public var words: String { rawValue.replacing("_", with: " ") }
}

/// One use of a visit's right to act on a host. The host remembers it: asked again with the same token, it
/// answers with what it did.
public typealias VisitToken = Identifier<VisitEnd>
