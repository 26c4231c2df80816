import Fleet
import Foundation
import Testing

/// What is stored and printed, byte by byte: a change here is a change of the form, and needs a migration.
@Suite struct FormTests {
  private static let kinds: [(Event.Kind, String)] = [
    (.rolloutStarted, #"{"type":"rollout_started"}"#),
    (
      .rolloutMoved(.rollingBack, reason: "r"),
      #"{"reason":"r","state":"rolling_back","type":"rollout_moved"}"#
    ),
    (.rolloutEnded(.halted, reason: ""), #"{"reason":"","state":"halted","type":"rollout_ended"}"#),
    (.waveStarted(hosts: 3), #"{"hosts":3,"type":"wave_started"}"#),
    (.waveMoved(.gated, reason: "a"), #"{"reason":"a","state":"gated","type":"wave_moved"}"#),
    (.waveEnded(.revertFailed, reason: "a"), #"{"reason":"a","state":"revert_failed","type":"wave_ended"}"#),
    (.visitStarted("t"), #"{"token":"t","type":"visit_started"}"#),
    (.revertStarted("t"), #"{"token":"t","type":"revert_started"}"#),
    (.visitEnded(.failedDirty, reason: "x"), #"{"end":"failed_dirty","reason":"x","type":"visit_ended"}"#),
    (
      .instructed(.approve(wave: 2, planHash: "h"), by: "ann", why: "w"),
      #"{"by":"ann","instruction":{"plan_hash":"h","type":"approve","wave":2},"type":"instructed","why":"w"}"#
    ),
    (
      .instructed(.cancel, by: "ann", why: ""),
      #"{"by":"ann","instruction":{"type":"cancel"},"type":"instructed","why":""}"#
    ),
    (.note(.lossAccepted, text: "t"), #"{"note":"loss_accepted","text":"t","type":"note"}"#),
    (
      .step(
        StepResult(
          step: .deploy, lineage: "c", outcome: .exited(3), detail: "d", duration: .milliseconds(1500),
          stdout: CapturedOutput(text: "o", totalBytes: 9))),
      #"{"detail":"d","duration_seconds":1.5,"lineage":"c","outcome":{"status":3,"type":"exited"},"stderr":{"text":"","total_bytes":0},"stdout":{"text":"o","total_bytes":9},"step":"deploy","type":"step"}"#
    ),
  ]

  @Test func `each kind of event has its form, and is read again`() throws {
    for (kind, text) in Self.kinds {
      #expect(try FleetJSON.canonical(kind) == text)
      #expect(try FleetJSON.decode(text, as: Event.Kind.self) == kind)
    }
  }

  private static let outcomes: [(Outcome, String)] = [
    (.succeeded, #"{"type":"succeeded"}"#), (.signalled(9), #"{"signal":9,"type":"signalled"}"#),
    (.timedOut, #"{"type":"timed_out"}"#), (.failed("w"), #"{"type":"failed","why":"w"}"#),
    (.inconclusive("w"), #"{"type":"inconclusive","why":"w"}"#),
  ]

  @Test func `each outcome has its form, and is read again`() throws {
    for (outcome, text) in Self.outcomes {
      #expect(try FleetJSON.canonical(outcome) == text)
      #expect(try FleetJSON.decode(text, as: Outcome.self) == outcome)
    }
  }

  @Test func `a policy has the inventory's names, and days in their order`() throws {
    var policy = RolloutPolicy(
      name: "p", waves: [WaveRule(take: .count(1), bake: .seconds(60)), WaveRule(take: .rest)], parallel: 5,
      limits: [
        ParallelLimit(9), ParallelLimit(2, .per(label: "rack")),
        ParallelLimit(1, .among(try Selector("a=b"))),
      ],
      order: .label("rack"), maxFailed: .percent(5), maxUnreachable: .count(1), onFailure: .revertWave)
    policy.windows = [
      RolloutWindow(
        days: [.sunday, .monday, .friday], from: TimeOfDay(minutes: 125), to: TimeOfDay(minutes: 1440),
        zone: "Europe/Berlin")
    ]
    let text =
      #"{"limits":[{"parallel":9},{"parallel":2,"per":"rack"},{"among":"a=b","parallel":1}],"max_failed":"5%","max_unreachable":1,"name":"p","on_failure":"revert-wave","order":"label:rack","parallel":5,"waves":[{"bake_seconds":60,"take":1},"rest"],"windows":[{"days":["mon","fri","sun"],"from":"02:05","to":"24:00","zone":"Europe/Berlin"}]}"#
    #expect(try FleetJSON.canonical(policy) == text)
    #expect(try FleetJSON.decode(text, as: RolloutPolicy.self) == policy)
  }

  @Test func `a CA's window ends where it ended`() throws {
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    let advice = RenewalAdvice(
      generation: Generation(2), window: DateInterval(start: start, duration: 3600), moment: start,
      askAgain: start.addingTimeInterval(60))
    let text =
      #"{"ask_again":"2027-01-15T08:01:00Z","generation":2,"moment":"2027-01-15T08:00:00Z","window":{"end":"2027-01-15T09:00:00Z","start":"2027-01-15T08:00:00Z"}}"#
    #expect(try FleetJSON.canonical(advice) == text)
    #expect(try FleetJSON.decode(text, as: RenewalAdvice.self) == advice)
  }
}
