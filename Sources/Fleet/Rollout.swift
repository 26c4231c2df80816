package import FoundationEssentials

/// One frozen plan carried out.
package struct Rollout: Hashable, Sendable {
  /// Rollouts are numbered from 1.
  package struct ID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package let number: Int

    package init(_ number: Int) { self.number = number }

    package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    package var description: String { String(number) }

    package init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int.self)
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }
  }

  package let id: ID
  package var plan: Plan
  /// Approvals are bound to it.
  package let planHash: String
  package let state: RolloutState
  /// Why it is in this state, for a person; empty while it runs.
  package let reason: String
  package let startedAt: Date
  package let endedAt: Date?

  package init(
    id: ID, plan: Plan, planHash: String, state: RolloutState, reason: String, startedAt: Date, endedAt: Date?
  ) {
    self.id = id
    self.plan = plan
    self.planHash = planHash
    self.state = state
    self.reason = reason
    self.startedAt = startedAt
    self.endedAt = endedAt
  }
}

/// How a host's visit ended.
package enum VisitEnd: String, Hashable, Sendable, Codable, CaseIterable {
  case ok
  /// Installed where there was nothing of ours, and what was served before is served still: the server's configuration names other
  /// files. Neither good nor failed; it becomes good when the server serves ours.
  case placed
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
  /// It lets nobody in until a person has acted: another host key, a refused login, no agent. Nothing was done there.
  case refused
  /// Another visit holds the host's lock.
  case deferred
  /// The controller was interrupted, and the host has what it had before; it is done again.
  case interrupted
  /// Its rollout was cancelled, and the host has not what it should have.
  case skipped
  /// Back on its previous generation, because nobody could find out whether the new one was served.
  case inconclusive
  /// The connection was lost and the host could not be asked again yet.
  case unknown

  /// What budgets count (DESIGN: "Unknown counts as failed").
  package enum Account: Sendable { case success, placed, failure, unreachable, undecided }

  package var account: Account {
    switch self {
    case .ok, .unchanged, .degraded: .success
    case .placed: .placed
    case .failedClean, .rolledBack, .failedDirty, .unknown: .failure
    case .unreachable, .refused, .deferred: .unreachable
    case .inconclusive, .interrupted, .skipped: .undecided
    }
  }

  /// As a person reads it.
  package var words: String { rawValue.replacing("_", with: " ") }
}

/// One use of a visit's right to act on a host. The host remembers it: asked again with the same token, it
/// answers with what it did.
package typealias VisitToken = Identifier<VisitEnd>
