import Fleet

/// How a run, or a rollout in it, went: from the best to what needs somebody soonest, a stop beside them.
package enum RunOutcome: Hashable, Sendable {
  case converged
  /// A rollout waits: for an approval, for its window, for a bake.
  case waiting
  /// Nothing worse than hosts that were not reached.
  case unreachable
  /// Some hosts failed, halted a rollout or went back, or a certificate was not issued.
  case failed

  /// The more serious of two.
  func combined(with other: RunOutcome) -> RunOutcome {
    [.failed, .unreachable, .waiting].first { $0 == self || $0 == other } ?? .converged
  }

  init(of ledger: RolloutLedger) {
    let ends = Set(ledger.visits.values.compactMap(\.end?.account))
    self =
      switch ledger.state {
      case .succeeded, .superseded: .converged
      case .partial, .paused:
        if ends.contains(.failure) || ends.contains(.undecided) {
          .failed
        } else {
          ledger.state == .paused ? .waiting : .unreachable
        }
      case .halted: ends.contains(.unreachable) && !ends.contains(.failure) ? .unreachable : .failed
      case .planned, .running, .halting, .rollingBack, .rolledBack, .rollbackFailed, .cancelled: .failed
      }
  }
}

extension RolloutState {
  /// Whether what waits for it may go.
  var hasPassed: Bool { [.succeeded, .partial, .superseded].contains(self) }
}
