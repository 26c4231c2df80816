import Controller
import Fleet
import Foundation
import Reporting
import Testing
import ThrowawayFleet

/// What `doctor` finds only after a day, or by a timer.
@Suite struct ExaminationTests {
  @Test func `an approval that nobody gives is found after a day, and gone when it is given`() async throws {
    let scene = try await ControllerScene()
    let controller = try await scene.prepared(waves: "[1, {take: 'rest', approve: true}]")
    _ = try await controller.run(try await controller.runRequest(only: nil))
    #expect(!(try await controller.examine()).contains { $0.what.contains("waits for approval") })
    let later = Date().addingTimeInterval(3 * 86400)
    let found = try #require(
      try await controller.examine(now: later).first { $0.what.contains("waits for approval") })
    #expect(
      found.what == "rollout 1, begun 3d ago, waits for approval" && found.severity == .warning)
    #expect(found.remedy == "certfleet rollout approve 1 --wave 2; or certfleet rollout cancel 1")
    _ = try await controller.approve(1, wave: 2, plan: nil, by: Controller.Author([:], why: ""))
    #expect(!(try await controller.examine(now: later)).contains { $0.what.contains("waits for approval") })
    await scene.stop()
  }

  /// systemd-analyze(1) says when the timer elapses.
  @Test func `a timer that starts runs too seldom is found, and gone when it is hourly`() async throws {
    let scene = try await ControllerScene()
    try await scene.declare()
    let controller = try Controller(
      at: scene.home, environment: ["HOME": scene.scratch.path, "SYSTEMD_UNIT_PATH": scene.scratch.path])
    for (calendar, isFound) in [("daily", true), ("hourly", false)] {
      try scene.scratch.write("certfleet.timer", "[Timer]\nOnCalendar=\(calendar)\n")
      let found = try await controller.examine().filter {
        $0.remedy.contains("systemctl edit certfleet.timer")
      }
      #expect(!found.isEmpty == isFound, "\(calendar): \(found)")
    }
    await scene.stop()
  }
}
