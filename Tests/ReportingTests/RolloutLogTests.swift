import Fleet
import Foundation
import Testing

@testable import Reporting

@Suite struct RolloutLogTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)
  private let id = Rollout.ID(7)

  private func visit(
    _ host: Fleet.Host.Name, wave: Int = 1, at offset: Double, _ end: VisitEnd, _ outcome: Outcome,
    stderr: String = ""
  ) -> [Event] {
    let subject = Event.Subject(rollout: id, wave: wave, host: host, attempt: 1)
    let step = StepResult(
      step: .deploy, lineage: "shop.example", outcome: outcome, detail: "reload",
      duration: .milliseconds(Int(offset * 1000)),
      stderr: CapturedOutput(text: stderr, totalBytes: stderr.utf8.count))
    return [
      Event(
        at: now + offset, subject: subject, kind: .visitStarted(VisitToken("0123456789abcdef"))),
      Event(at: now + offset + 0.25, subject: subject, kind: .step(step)),
      Event(at: now + offset + 1, subject: subject, kind: .visitEnded(end, reason: "as the step says")),
    ]
  }

  private func log(_ events: [Event], showsAll: Bool = false) -> String {
    RolloutLog(
      id, events.enumerated().map { LoggedEvent(id: $0 + 1, event: $1) }, showsAll: showsAll
    ).text(on: .plain)
  }

  @Test func `what failed is shown once for hosts that went the same way, the rest is folded`() {
    let rollout = Event(at: now, subject: .init(rollout: id), kind: .rolloutStarted)
    let text = log(
      [rollout] + visit("web1", at: 0, .ok, .succeeded, stderr: "warned")
        + visit("web2", wave: 2, at: 2, .rolledBack, .exited(1), stderr: "[emerg] 17#17: no key on web2")
        + visit("web3", wave: 3, at: 3, .rolledBack, .exited(1), stderr: "[emerg] 23#23: no key on web3")
        + visit("web4", wave: 3, at: 4, .rolledBack, .exited(2), stderr: "[emerg] 5#5: no key on web4"))
    #expect(
      text == """
        rollout 7 · 2027-01-15 08:00:00Z
           +0.00s  started

        web[2-3] · waves 2, 3 · rolled back after 1s · 2 hosts went the same way; the steps are of web2
           +0.25s  deploy shop.example: exit status 1: [emerg] 17#17: no key on web2 (2s)  [reload]
                   stderr| [emerg] 17#17: no key on web2

        web4 · wave 3 · rolled back after 1s
           +0.25s  deploy shop.example: exit status 2: [emerg] 5#5: no key on web4 (4s)  [reload]
                   stderr| [emerg] 5#5: no key on web4

        ok: web1
        their visits, and all output: certfleet log --rollout 7 --output

        """, "\(text)")
  }

  @Test func `one host that is asked for is shown, and everything where all is`() {
    let well = visit("web1", at: 0, .ok, .succeeded, stderr: "warned")
    #expect(log(well).hasPrefix("web1 · wave 1 · ok after 1s\n"))
    #expect(!log(well).contains("warned") && log(well, showsAll: true).contains("stderr| warned\n"))
  }

  @Test func `a reason that no step tells stands under the host`() {
    let subject = Event.Subject(rollout: id, wave: 1, host: "web1", attempt: 1)
    let text = log([
      Event(at: now, subject: subject, kind: .visitEnded(.unreachable, reason: "no\u{1B}[2Jroute"))
    ])
    #expect(text.hasPrefix("web1 · wave 1 · unreachable after 0ms\n  no") && !text.contains("\u{1B}"))
  }
}
