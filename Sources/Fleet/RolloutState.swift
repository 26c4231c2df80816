/// Where a rollout stands. What may follow what is in `following`, and nothing else can be recorded.
package enum RolloutState: String, Hashable, Sendable, Codable, CaseIterable {
  /// Stored, and nothing of it begun.
  case planned
  case running
  /// Waits for what its reason names: an approval, a window, a bake that takes long, a person.
  case paused
  /// Nothing more is begun; visits under way come to their end.
  case halting
  /// Stopped: a wave broke its budget. Later hosts were not started.
  case halted
  /// Hosts that had changed go back.
  case rollingBack = "rolling_back"
  case rolledBack = "rolled_back"
  /// Some hosts that were to go back did not.
  case rollbackFailed = "rollback_failed"
  /// Every host has what it should have.
  case succeeded
  /// All waves passed; some hosts did not, within the budget.
  case partial
  /// A person ended it.
  case cancelled
  /// What it was to bring is no longer wanted; another rollout takes over.
  case superseded

  package var following: Set<RolloutState> {
    switch self {
    case .planned: [.running, .halting, .cancelled, .superseded]
    case .running: [.paused, .halting, .succeeded, .partial, .superseded]
    case .paused: [.running, .halting, .superseded]
    case .halting: [.halted, .rollingBack, .cancelled]
    case .rollingBack: [.rolledBack, .rollbackFailed]
    case .halted, .rolledBack, .rollbackFailed, .succeeded, .partial, .cancelled, .superseded: []
    }
  }

  package var isEnd: Bool { following.isEmpty }

  /// Whether hosts were left without what they should have because something went wrong.
  package var isFailure: Bool {
    switch self {
    case .halting, .halted, .rollingBack, .rolledBack, .rollbackFailed: true
    case .planned, .running, .paused, .succeeded, .partial, .cancelled, .superseded: false
    }
  }

  /// As a person reads it.
  package var words: String { rawValue.replacing("_", with: " ") }
}

/// Where a wave of a rollout stands.
package enum WaveState: String, Hashable, Sendable, Codable, CaseIterable {
  case pending
  /// Waits for an approval or a window.
  case gated
  case running
  /// No further host is begun, and those under way come to their end.
  case draining
  /// All its hosts have ended, and time passes before they are looked at again.
  case baking
  /// Its hosts are looked at again.
  case verifying
  case passed
  case failed
  /// Its hosts go back.
  case reverting
  case reverted
  case revertFailed = "revert_failed"

  package var following: Set<WaveState> {
    switch self {
    case .pending: [.gated, .running]
    case .gated: [.running]
    case .running: [.draining, .baking, .passed, .failed]
    case .draining: [.running, .failed]
    case .baking: [.verifying]
    case .verifying: [.passed, .failed]
    case .passed, .failed: [.reverting]
    case .reverting: [.reverted, .revertFailed]
    case .reverted, .revertFailed: []
    }
  }

  package var words: String { rawValue.replacing("_", with: " ") }
}
