import Controller
import Fleet
import Foundation
import System
import Testing

@Suite struct ScheduleWarningTests {
  /// A Monday, 00:30 UTC.
  private let now = Date(timeIntervalSince1970: 1_796_603_400)

  private func policy(_ from: Int, _ to: Int) -> RolloutPolicy {
    var policy = RolloutPolicy.standard
    policy.windows = [
      RolloutWindow(
        days: Set(Weekday.allCases), from: TimeOfDay(minutes: from), to: TimeOfDay(minutes: to), zone: "UTC")
    ]
    return policy
  }

  private func every(_ hours: Double, delay: TimeInterval = 0) -> TimerSchedule {
    let first = now.addingTimeInterval(1800)
    return TimerSchedule(
      starts: (0..<Int(200 / hours)).map { first.addingTimeInterval(Double($0) * hours * 3600) }, delay: delay
    )
  }

  @Test func `a window that no run meets is told, and runs that are rare`() {
    let night = policy(2 * 60, 5 * 60)
    func warnings(_ schedule: TimerSchedule, _ policy: RolloutPolicy) -> [ScheduleWarning] {
      ScheduleWarning.all(of: [policy], by: schedule, now: now)
    }
    #expect(warnings(every(1), night) == [])
    // At 01:00 and 13:00.
    #expect(
      warnings(every(12), night) == [.windowNeverMet("standard", night.windows), .runsAreRare(every: 43200)])
    #expect(warnings(every(12, delay: 5400), night) == [.runsAreRare(every: 48600)])
    // Between two hours.
    let short = policy(2 * 60 + 10, 2 * 60 + 50)
    #expect(warnings(every(1), short) == [.windowNeverMet("standard", short.windows)])
    #expect(warnings(every(1, delay: 1200), short) == [])
    #expect(warnings(every(1), .standard) == [])
    #expect(warnings(TimerSchedule(starts: [], delay: 0), night) == [])
  }
}
