import Fleet

/// How a run, or a rollout in it, went: from the best to what needs somebody soonest, a stop beside them.
package enum RunOutcome: Hashable, Sendable {
  case converged
  /// A rollout waits: for an approval, for its window, for a bake.
  case waiting
  /// Nothing worse than hosts that were not reached, within the budget.
  case unreachable
  /// A person must act: hosts failed or went back, a rollout halted, a certificate was not issued, a host serves another still.
  case failed

  /// The more serious of two.
  func combined(with other: RunOutcome) -> RunOutcome {
    [.failed, .unreachable, .waiting].first { $0 == self || $0 == other } ?? .converged
  }

  init(of ledger: RolloutLedger) {
    let ends = Set(ledger.visits.values.compactMap(\.end?.account))
    let isRefused = ledger.visits.values.contains { $0.end == .refused }
    self =
      switch ledger.state {
      case .succeeded, .superseded: .converged
      case .partial, .paused:
        if isRefused || !ends.isDisjoint(with: [.failure, .undecided, .placed]) {
          .failed
        } else {
          ledger.state == .paused ? .waiting : .unreachable
        }
      // Halted by hosts that were not reached, too: others were not begun because of them, and somebody has to look.
      case .halted, .planned, .running, .halting, .rollingBack, .rolledBack, .rollbackFailed, .cancelled:
        .failed
      }
  }
}

extension RolloutState {
  /// Whether what waits for it may go.
  var hasPassed: Bool { [.succeeded, .partial, .superseded].contains(self) }
}
