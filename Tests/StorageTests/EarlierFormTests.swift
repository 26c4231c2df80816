import Fleet
import Foundation
import Testing
import struct Fleet.Host

@testable import Storage

/// What releases before schema 7 stored and the kept state (`Tests/Fixtures`) happens not to have.
@Suite struct EarlierFormTests {
  private func step(_ outcome: String) -> String {
    #"{"step":{"_0":{"detail":"d","duration":[0,1500000000000000000],"lineage":"c","outcome":\#(outcome),"stderr":{"text":"","totalBytes":0},"stdout":{"text":"o","totalBytes":9},"step":"deploy"}}}"#
  }

  @Test(arguments: [
    (#"{"succeeded":{}}"#, Outcome.succeeded), (#"{"exited":{"_0":3}}"#, .exited(3)),
    (#"{"signalled":{"_0":9}}"#, .signalled(9)), (#"{"timedOut":{}}"#, .timedOut),
    (#"{"failed":{"_0":"w"}}"#, .failed("w")), (#"{"inconclusive":{"_0":"w"}}"#, .inconclusive("w")),
  ])
  func `a step is read with each outcome`(stored: String, outcome: Outcome) throws {
    let kind: Event.Kind = try FleetJSON.decode(EarlierForm.currentEvent(step(stored)))
    #expect(
      kind
        == .step(
          StepResult(
            step: .deploy, lineage: "c", outcome: outcome, detail: "d", duration: .milliseconds(1500),
            stdout: CapturedOutput(text: "o", totalBytes: 9))))
  }

  @Test(arguments: [
    (#"{"rolloutStarted":{}}"#, Event.Kind.rolloutStarted),
    (#"{"rolloutMoved":{"_0":"rolling_back","reason":"r"}}"#, .rolloutMoved(.rollingBack, reason: "r")),
    (#"{"waveStarted":{"hosts":3}}"#, .waveStarted(hosts: 3)),
    (#"{"waveEnded":{"_0":"revert_failed","reason":""}}"#, .waveEnded(.revertFailed, reason: "")),
    (#"{"revertStarted":{"_0":"t"}}"#, .revertStarted("t")),
    (#"{"visitEnded":{"_0":"failed_dirty","reason":"x"}}"#, .visitEnded(.failedDirty, reason: "x")),
    (
      #"{"instructed":{"_0":{"approve":{"planHash":"h","wave":2}},"by":"a","why":"w"}}"#,
      .instructed(.approve(wave: 2, planHash: "h"), by: "a", why: "w")
    ),
    (#"{"instructed":{"_0":{"resume":{}},"by":"a","why":""}}"#, .instructed(.resume, by: "a", why: "")),
    (#"{"note":{"_0":"issue_failed","text":"{\"_0\":1}"}}"#, .note(.issueFailed, text: #"{"_0":1}"#)),
  ])
  func `each kind of event is read`(stored: String, kind: Event.Kind) throws {
    #expect(try FleetJSON.decode(EarlierForm.currentEvent(stored)) == kind)
  }

  @Test func `a policy's limits and windows are read, and the user's own words are left alone`() throws {
    let policy: RolloutPolicy = try FleetJSON.decode(
      EarlierForm.current(
        #"{"hooks":{"coalesce":false,"deploy":[],"directories":[],"post":[],"pre":[{"command":"c","environment":{"minutes":"5","maxFailed":"x"},"timeout_seconds":60}]},"limits":[{"parallel":9,"scope":{"all":{}}},{"parallel":2,"scope":{"per":{"label":"rackRow"}}},{"parallel":1,"scope":{"among":{"_0":"a=b"}}}],"maxFailed":0,"maxUnreachable":"10%","name":"p","parallel":5,"waves":["rest"],"windows":[{"days":["sun","mon"],"from":{"minutes":125},"to":{"minutes":1440},"zone":"Europe/Berlin"}]}"#
      ))
    #expect(policy.hooks.pre[0].environment == ["minutes": "5", "maxFailed": "x"])
    #expect(
      policy.limits == [
        ParallelLimit(9), ParallelLimit(2, .per(label: "rackRow")),
        ParallelLimit(1, .among(try Selector("a=b"))),
      ])
    #expect(policy.windows.map(\.description) == ["mon,sun 02:05-24:00 Europe/Berlin"])
    let host: Host = try FleetJSON.decode(
      EarlierForm.current(
        #"{"address":"a","base":"/b","become":true,"hasAgent":true,"labels":{"minutes":"1","rackRow":"r"},"name":"web1","passphraseFile":"/p","port":22}"#
      ))
    #expect(host.labels == ["minutes": "1", "rackRow": "r"] && host.hasAgent && host.passphraseFile == "/p")
  }

  @Test func `a CA's window and a backoff keep their moments`() throws {
    let advice: RenewalAdvice = try FleetJSON.decode(
      EarlierForm.current(
        #"{"askAgain":60,"generation":2,"moment":0,"window":{"duration":3600,"start":0}}"#))
    let start = Date(timeIntervalSinceReferenceDate: 0)
    #expect(advice.window == DateInterval(start: start, duration: 3600) && advice.moment == start)
    #expect(advice.askAgain == start.addingTimeInterval(60))
    let backoff: OrderBackoff = try FleetJSON.decode(
      EarlierForm.current(#"{"failures":3,"isCAs":true,"reason":"r","retryAt":86400}"#))
    #expect(backoff.isCAs && backoff.retryAt == start.addingTimeInterval(86400))
  }
}
