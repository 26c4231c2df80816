package import Fleet
package import FoundationEssentials
import Storage
package import System

/// What the times at which runs are started make impossible.
package enum ScheduleWarning: Hashable, Sendable {
  /// No run begins while a window is open.
  case windowNeverMet(RolloutPolicy.Name, [RolloutWindow])
  /// So much time passes between runs that pauses before another try mean nothing.
  case runsAreRare(every: TimeInterval)

  /// As long as a run may be away without anything being late.
  private static let longestPause = 7200.0

  /// - Parameter schedule: of a week from `now` on.
  package static func all(
    of policies: [RolloutPolicy], by schedule: TimerSchedule, now: Date
  ) -> [ScheduleWarning] {
    guard let last = schedule.starts.last else { return [] }
    var warnings = policies.filter { policy in
      let openings = policy.windows.flatMap { $0.openings(around: now) }.filter {
        $0.start > now && $0.start < last
      }
      return !openings.isEmpty
        && !openings.contains { opening in
          schedule.starts.contains {
            $0 < opening.end && $0.addingTimeInterval(schedule.delay) >= opening.start
          }
        }
    }.map { windowNeverMet($0.name, $0.windows) }
    if let pause = schedule.longestPause, pause > longestPause { warnings.append(.runsAreRare(every: pause)) }
    return warnings
  }
}

extension ScheduleWarning {
  /// For a person.
  package var words: String {
    switch self {
    case .windowNeverMet(let policy, let windows):
      "policy \(policy): certfleet.timer starts no run while its window \(windows.map(\.description).joined(separator: ", ")) is open; start it hourly: OnCalendar=hourly"
    case .runsAreRare(let pause):
      "up to \(Duration.seconds(pause).short) pass between the runs of certfleet.timer: what failed is tried again no sooner, whatever its pause; a run with nothing to do takes some hundredths of a second: OnCalendar=hourly"
    }
  }
}

extension Controller {
  /// By the timer that is installed on this machine, where one is.
  package func scheduleWarnings(now: Date = Date()) async throws -> [ScheduleWarning] {
    guard let schedule = await TimerSchedule.installed(environment) else { return [] }
    return ScheduleWarning.all(of: try await store.declaration().policies, by: schedule, now: now)
  }
}
