import Foundation
import System
import Testing
import ThrowawayFleet

/// By systemd's own reading of calendar expressions.
@Suite struct TimerScheduleTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func schedule(_ unit: String, dropIn: String? = nil) async throws -> TimerSchedule? {
    try scratch.write("certfleet.timer", "[Timer]\n" + unit)
    if let dropIn { try scratch.write("certfleet.timer.d/own.conf", "[Timer]\n" + dropIn) }
    return await TimerSchedule.installed(["SYSTEMD_UNIT_PATH": "/nowhere:\(scratch.path)"])
  }

  @Test func `the installed timer's runs are known, with what is dropped in beside it`() async throws {
    #expect(await TimerSchedule.installed(["SYSTEMD_UNIT_PATH": scratch.path]) == nil)
    let hourly = try #require(try await schedule("OnCalendar = hourly\nRandomizedDelaySec=20min\n"))
    #expect(hourly.delay == 1200 && hourly.longestPause == 4800 && hourly.starts.count > 168)
    let rare = try #require(
      try await schedule("OnCalendar=hourly\n", dropIn: "OnCalendar=\nOnCalendar=*-*-* 00,12:00:00 UTC\n"))
    #expect(rare.delay == 0 && rare.longestPause == 43200)
    #expect(rare.starts.allSatisfy { $0.timeIntervalSince1970.truncatingRemainder(dividingBy: 43200) == 0 })
  }

  @Test func `a timer that says nothing by the calendar, or nonsense, is not judged`() async throws {
    #expect(try await schedule("OnUnitActiveSec=15min\n") == nil)
    #expect(try await schedule("OnCalendar=every now and then\n") == nil)
  }
}
