import Fleet
import Foundation
import Testing

@testable import Planning

@Suite struct GateTests {
  private func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  private let nights = RolloutWindow(
    days: [.monday, .tuesday, .wednesday, .thursday, .friday], from: TimeOfDay(minutes: 120),
    to: TimeOfDay(minutes: 300), zone: "Europe/Berlin")

  @Test(arguments: [
    // Berlin is two hours ahead in summer, one in winter. 2026-07-01 is a Wednesday.
    ("2026-07-01T00:00:00Z", "2026-07-01T03:00:00Z", "2026-07-02T00:00:00Z"),
    ("2026-07-01T02:59:59Z", "2026-07-01T03:00:00Z", "2026-07-02T00:00:00Z"),
    ("2026-07-01T03:00:00Z", nil, "2026-07-02T00:00:00Z"),
    ("2026-06-30T23:59:59Z", nil, "2026-07-01T00:00:00Z"),
    ("2026-07-04T00:30:00Z", nil, "2026-07-06T00:00:00Z"),
    ("2026-12-01T01:30:00Z", "2026-12-01T04:00:00Z", "2026-12-02T01:00:00Z"),
  ])
  func `a window opens and closes by the clocks of its zone`(
    at moment: String, closes: String?, opens: String
  ) throws {
    #expect(try nights.closing(at: date(moment)) == closes.map(date))
    #expect(try nights.nextOpening(after: date(moment)) == date(opens))
  }

  @Test func `a window that passes midnight belongs to the day on which it opened`() throws {
    let window = RolloutWindow(
      days: [.saturday], from: TimeOfDay(minutes: 22 * 60), to: TimeOfDay(minutes: 240), zone: "UTC")
    #expect(try window.closing(at: date("2026-07-05T03:00:00Z")) == date("2026-07-05T04:00:00Z"))
    #expect(try window.closing(at: date("2026-07-04T03:00:00Z")) == nil)
    #expect("\(window)" == "sat 22:00-04:00 UTC" && "\(nights)" == "mon-fri 02:00-05:00 Europe/Berlin")
  }

  @Test func `a time that the clocks leave out is the next that there is`() throws {
    // On 2026-03-29, 02:00 to 03:00 does not exist in Berlin.
    var window = nights
    window.days = [.sunday]
    window.from = TimeOfDay(minutes: 150)
    #expect(try window.closing(at: date("2026-03-29T01:30:00Z")) == date("2026-03-29T03:00:00Z"))
    #expect(try window.closing(at: date("2026-03-29T00:45:00Z")) == nil)
  }

  private func plan(replacing notAfter: Date?, windows: [RolloutWindow]) -> Plan {
    var policy = RolloutPolicy.standard
    policy.windows = windows
    let certificate = PlannedCertificate(
      lineage: "a", generation: Generation(2), fingerprint: "x", domains: [], hooks: Hooks(), verify: [],
      deadline: notAfter)
    let visit = PlannedVisit(host: .init(name: "h", address: "h"), certificates: [certificate])
    return Plan(policy: policy, waves: [PlannedWave([visit], by: WaveRule(take: .rest, needsApproval: true))])
  }

  @Test func `outside its window a rollout waits, unless a certificate would end first`() throws {
    let now = try date("2026-07-03T12:00:00Z")
    let monday = try date("2026-07-06T00:00:00Z")
    #expect(Gate.window(of: plan(replacing: nil, windows: []), at: now) == .open)
    #expect(
      Gate.window(of: plan(replacing: nil, windows: [nights]), at: now)
        == .closed("waits for its window mon-fri 02:00-05:00 Europe/Berlin opens at 2026-07-06T00:00:00Z"))
    let late = monday.addingTimeInterval(86400)
    guard case .closed = Gate.window(of: plan(replacing: late, windows: [nights]), at: now) else {
      Issue.record("it did not wait")
      return
    }
    guard case .overridden(let why) = Gate.window(of: plan(replacing: monday, windows: [nights]), at: now)
    else {
      Issue.record("it waited too long")
      return
    }
    #expect(why.hasSuffix("too late for a certificate that must be replaced by 2026-07-06T00:00:00Z"))
  }

  @Test func `approval is for the wave that it names`() {
    let wave = plan(replacing: nil, windows: []).waves[0]
    var orders = OperatorInstructions()
    orders.take(.approve(wave: 1, planHash: ""), from: "anna")
    #expect(Gate.approval(wave, number: 1, orders: orders) == .open)
    #expect(Gate.approval(wave, number: 2, orders: orders) == .closed("wave 2 waits for approval"))
  }
}
