package import FoundationEssentials

/// Something that happened, as it is recorded and never changed.
package struct Event: Hashable, Sendable {
  package let at: Date
  package let subject: Subject
  package let kind: Kind

  package init(at: Date, subject: Subject, kind: Kind) {
    self.at = at
    self.subject = subject
    self.kind = kind
  }

  /// What it happened to; a deeper one has all that the ones above it have.
  package struct Subject: Hashable, Sendable {
    package var rollout: Rollout.ID?
    /// From 1.
    package var wave: Int?
    package var host: Host.Name?
    /// From 1, counted for each visit of a host in a rollout.
    package var attempt: Int?
    package var lineage: Lineage.Name?

    package init(
      rollout: Rollout.ID? = nil, wave: Int? = nil, host: Host.Name? = nil, attempt: Int? = nil,
      lineage: Lineage.Name? = nil
    ) {
      self.rollout = rollout
      self.wave = wave
      self.host = host
      self.attempt = attempt
      self.lineage = lineage
    }
  }

  package enum Kind: Hashable, Sendable {
    case rolloutStarted
    case rolloutMoved(RolloutState, reason: String)
    case rolloutEnded(RolloutState, reason: String)
    case waveStarted(hosts: Int)
    case waveMoved(WaveState, reason: String)
    case waveEnded(WaveState, reason: String)
    /// The intent: recorded before the host is contacted.
    case visitStarted(VisitToken)
    /// The intent to take the host back to what it had before this rollout.
    case revertStarted(VisitToken)
    case step(StepResult)
    case visitEnded(VisitEnd, reason: String)
    case instructed(Instruction, by: String, why: String)
    /// Beside rollouts: a certificate issued, an inventory applied, a host key pinned.
    case note(Note, text: String)
  }

  package enum Note: String, Hashable, Sendable, Codable {
    case applied, pinned, ordered, issued, revoked, reverted, adopted, imported
    case issueFailed = "issue_failed"
    case rehearsed
    case account
    /// A gate that was not waited for.
    case overridden
    /// A log that lacks its end was gone on with.
    case lossAccepted = "loss_accepted"
    /// Where the logs of other controllers end: none of them can go without a trace.
    case tied
    /// A host that was placed serves the certificate now.
    case served
    /// What was seen on a host is not what it was brought to.
    case drifted
    /// A host's base was taken over from another controller.
    case claimed
    /// A private key that no host needs any more.
    case keyErased = "key_erased"
    /// A host has what this state did not know; it knows from then on.
    case takenOver = "taken_over"
    /// The state came from a backup.
    case restored
    /// A certificate, or a host, is gone for good.
    case retired
  }
}

/// What a step of a visit is for. The order is the order of a visit that goes well.
package enum Step: String, Hashable, Sendable, Codable, CaseIterable {
  case connect, recover, preflight, stage, pre, activate, deploy, verify
  /// After a failure: the old certificate is put back, its deploy hooks run again, and it is looked at.
  case revert, redeploy, recheck
  case post
  /// After the bake.
  case reverify
}

/// One recorded action on a host. A failure is data here, not an error.
package struct StepResult: Hashable, Sendable {
  package var step: Step
  package var lineage: Lineage.Name?
  package var outcome: Outcome
  /// What it did, for a person: the hook's command, the address that was asked …
  package var detail: String
  package var duration: Duration
  package var stdout: CapturedOutput
  package var stderr: CapturedOutput

  package init(
    step: Step, lineage: Lineage.Name? = nil, outcome: Outcome, detail: String = "",
    duration: Duration = .zero, stdout: CapturedOutput = .empty, stderr: CapturedOutput = .empty
  ) {
    self.step = step
    self.lineage = lineage
    self.outcome = outcome
    self.detail = detail
    self.duration = duration
    self.stdout = stdout
    self.stderr = stderr
  }
}

package enum Outcome: Hashable, Sendable {
  case succeeded
  case exited(Int)
  case signalled(Int)
  case timedOut
  case failed(String)
  /// It could not be found out, for a reason that is none of the host's.
  case inconclusive(String)

  package var isSuccess: Bool { self == .succeeded }
  package var isInconclusive: Bool { if case .inconclusive = self { true } else { false } }
}

extension Outcome: CustomStringConvertible {
  package var description: String {
    switch self {
    case .succeeded: "ok"
    case .exited(let status): "exit status \(status)"
    case .signalled(let number): "killed by signal \(number)"
    case .timedOut: "timed out"
    case .failed(let why): why
    case .inconclusive(let why): "could not be found out: \(why)"
    }
  }
}

/// A stream of a hook's output, capped: what was kept, and how many bytes there were.
package struct CapturedOutput: Hashable, Sendable, Codable {
  package var text: String
  package var totalBytes: Int

  private enum CodingKeys: String, CodingKey {
    case text
    case totalBytes = "total_bytes"
  }

  package init(text: String, totalBytes: Int) {
    self.text = text
    self.totalBytes = totalBytes
  }

  package static let empty = CapturedOutput(text: "", totalBytes: 0)
}
