import Foundation
import System
import Testing

@Suite struct TimeZonesTests {
  private func utc(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  @Test func `a zone is as the system's tzdata has it, summer and winter`() throws {
    #expect(try TimeZones.offset(of: "Europe/Berlin", at: utc("2026-01-15T12:00:00Z")) == 3600)
    #expect(try TimeZones.offset(of: "Europe/Berlin", at: utc("2026-07-15T12:00:00Z")) == 7200)
    #expect(try TimeZones.offset(of: "Asia/Kolkata", at: utc("2026-07-15T12:00:00Z")) == 19800)
    #expect(try TimeZones.offset(of: "UTC", at: utc("2026-07-15T12:00:00Z")) == 0)
  }

  @Test(arguments: [
    "", "Europe/Berlinn", "Europe", "../../etc/passwd", "/etc/localtime", ":UTC", "zone.tab", "CET-1",
  ])
  func `what is no zone is none`(name: String) {
    #expect(!TimeZones.contains(name))
    #expect(TimeZones.offset(of: name, at: Date()) == nil)
    #expect(TimeZones.moment(of: Date(), in: name) == nil)
  }

  @Test(arguments: [
    // Clocks are put forward at 02:00 to 03:00: half past two is not there.
    ("2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"), ("2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"),
    ("2026-03-29T01:59:00Z", "2026-03-29T00:59:00Z"),
    // And back at 03:00 to 02:00: half past two is there twice, and the first counts.
    ("2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"), ("2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"),
  ])
  func `a wall time is the first moment that shows it`(wall: String, moment: String) throws {
    #expect(try TimeZones.moment(of: utc(wall), in: "Europe/Berlin") == utc(moment))
  }

  /// What Foundation has, with ICU's own tables, is the same wherever the rules are.
  @Test func `the same as Foundation says, over years and zones`() throws {
    for zone in [
      "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Europe/London",
    ] {
      let known = try #require(TimeZone(identifier: zone))
      for day in stride(from: 0, to: 365 * 3, by: 5) {
        let moment = try utc("2025-01-01T00:30:00Z").addingTimeInterval(Double(day) * 86400)
        #expect(
          TimeZones.offset(of: zone, at: moment) == known.secondsFromGMT(for: moment), "\(zone) \(moment)")
      }
    }
  }

  @Test func `many ask at once, and nobody's children see it`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask {
          let (zone, offset) = number.isMultiple(of: 2) ? ("Asia/Tokyo", 32400) : ("America/Lima", -18000)
          #expect(TimeZones.offset(of: zone, at: Date()) == offset)
        }
      }
      try await group.waitForAll()
    }
    // As this process was started, whatever the zones have done to its environment since.
    let given = try String(contentsOfFile: "/proc/self/environ", encoding: .utf8).split(separator: "\0")
      .first { $0.hasPrefix("TZ=") }
    let child = try await ChildProcess.shell(
      "echo TZ=${TZ-none}", environment: [:], deadline: .seconds(10)
    ).run()
    #expect(child.stdout == (given ?? "TZ=none") + "\n")
  }
}
