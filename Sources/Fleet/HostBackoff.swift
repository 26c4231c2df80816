package import FoundationEssentials
import Glibc

/// A host whose last visit did not end well, and when it is tried again.
package struct HostBackoff: Hashable, Sendable {
  /// How many visits in a row, for the same, did not end well.
  package var failures: Int
  package var end: VisitEnd
  package var reason: String
  package var at: Date
  package var rollout: Rollout.ID
  /// Whether that rollout stopped because of such hosts.
  package var hasHaltedRollout: Bool
  /// What was wanted of the host: a failure says nothing about anything else.
  package var wanted: PlannedVisit

  package init(
    failures: Int, end: VisitEnd, reason: String, at: Date, rollout: Rollout.ID, hasHaltedRollout: Bool,
    wanted: PlannedVisit
  ) {
    self.failures = failures
    self.end = end
    self.reason = reason
    self.at = at
    self.rollout = rollout
    self.hasHaltedRollout = hasHaltedRollout
    self.wanted = wanted
  }

  private static let freeTries = 4
  private static let firstPause = 600.0
  private static let longestPause = 43200.0

  /// The next few runs try again, since somebody may just have mended the host; then ten minutes pass, twice as many
  /// each time, and never more than twelve hours.
  package var retryAt: Date {
    guard failures > Self.freeTries else { return at }
    let doublings = Double(min(failures - Self.freeTries - 1, 20))
    return at.addingTimeInterval(min(Self.firstPause * exp2(doublings), Self.longestPause))
  }

  /// Whether it belongs to a rollout that passed all the same, and nothing else is wanted since.
  package func isTolerated(of visit: PlannedVisit) -> Bool {
    !hasHaltedRollout && end != .skipped && wanted == visit.essence
  }

  /// Whether a visit has to wait: for `retryAt`, or where a person cancelled it, until one wants it again.
  package func holds(_ visit: PlannedVisit, at now: Date) -> Bool {
    (now < retryAt || end == .skipped) && wanted == visit.essence
  }
}
