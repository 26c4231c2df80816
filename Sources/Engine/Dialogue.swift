import Agents
import Fleet

/// The conversation with the agent in one visit: the request goes out, frames come in, each step is recorded
/// before the next is awaited, and the controller's word goes out when the agent asks for it.
struct Dialogue: Sendable {
  let visit: Visit
  let request: AgentRequest
  let conversation: any Conversation

  enum Result: Sendable {
    case ended(Visit.Ending)
    /// The host's state is not known.
    case lost(String)
  }

  /// How long the agent may be silent between two frames, beside what its hook may take.
  private static let patience = Duration.seconds(60)

  func run() async throws -> Result {
    do {
      try await conversation.send(request.bytes)
    } catch { return .lost(error.reason) }
    var state = State(parser: ReplyParser(nonce: request.nonce))
    while true {
      let heard: Heard
      do {
        heard = try await conversation.receive(within: state.patience)
      } catch { return .lost(error.reason) }
      switch heard {
      case .stderr(let bytes): state.keep(complaint: bytes)
      case .ended(let status):
        return state.hasStarted
          ? .lost("the agent ended without saying how")
          : .ended(Visit.Ending(end: .failedClean, reason: notStarted(status, state.complaint)))
      case .stdout(let bytes):
        let replies: [AgentReply]
        do {
          replies = try state.parser.consume(bytes)
        } catch { return .lost(error.description) }
        for reply in replies {
          if let result = try await handle(reply, &state) { return result }
        }
      }
    }
  }

  private struct State {
    var parser: ReplyParser
    var hasStarted = false
    var patience = Dialogue.patience
    var stepStarted = ContinuousClock.now
    var stdout = CapturedOutput.empty
    var stderr = CapturedOutput.empty
    /// The end of what came on the shell's own stderr, for when the agent never starts.
    var complaint = ""
    /// Why the visit took the way it took: the first step that failed, with its own last words.
    var firstFailure: String?

    mutating func keep(complaint bytes: [UInt8]) {
      complaint = String((complaint + String(decoding: bytes, as: UTF8.self)).suffix(2000))
    }
  }

  private func handle(_ reply: AgentReply, _ state: inout State) async throws -> Result? {
    switch reply {
    case .hello: state.hasStarted = true
    case .begin(_, _, let hook):
      state.stepStarted = .now
      state.patience = Self.patience + (hook.flatMap { request.hooks[$0]?.hook.timeout } ?? .zero)
    case .output(.stdout, let output): state.stdout = output
    case .output(.stderr, let output): state.stderr = output
    case .step(let step, let lineage, let hook, let outcome):
      try await visit.record(
        .step(
          StepResult(
            step: step, lineage: lineage, outcome: outcome,
            detail: hook.flatMap { request.hooks[$0]?.hook.command.visible.shortened(to: 400) } ?? "",
            duration: .now - state.stepStarted, stdout: state.stdout, stderr: state.stderr)),
        lineage: lineage)
      if !outcome.isSuccess, state.firstFailure == nil {
        state.firstFailure = [outcome.description, state.stderr.lastLine].filter { !$0.isEmpty }.joined(
          separator: ": ")
      }
      (state.stdout, state.stderr) = (.empty, .empty)
    case .await:
      let word = try await verify()
      do {
        try await conversation.send(word.bytes(nonce: request.nonce))
      } catch { return .lost(error.reason) }
    case .end(let end, let text):
      let cause = state.firstFailure.flatMap { text.hasSuffix($0) || text.isEmpty ? nil : ": \($0)" } ?? ""
      return .ended(Self.ending(end, text + cause))
    }
    return nil
  }

  /// Looks at everything that the host should serve now; the verdicts are recorded before the word is given.
  private func verify() async throws -> AgentRequest.Word {
    let verifier = Verifier(host: visit.host, probe: visit.ports.probe)
    for certificate in visit.planned.certificates {
      for verification in certificate.verify {
        let started = ContinuousClock.now
        let verdict = await verifier.check(verification, serves: certificate.fingerprint)
        try await visit.record(
          step: .verify, verdict, lineage: certificate.lineage,
          detail: verification.place(on: visit.host), since: started)
        guard verdict.isSuccess else {
          return .revert(because: "\(verification.place(on: visit.host)): \(verdict)")
        }
      }
    }
    return .commit
  }

  static func ending(_ end: AgentReply.End, _ text: String) -> Visit.Ending {
    let known: VisitEnd =
      switch end {
      case .ok: .ok
      case .degraded: .degraded
      case .deferred: .deferred
      case .failedClean: .failedClean
      case .rolledBack: .rolledBack
      case .failedDirty: .failedDirty
      case .unknownToken: .unknown
      }
    return Visit.Ending(end: known, reason: text)
  }

  /// The channel ended before the agent's first frame: it was the login shell, sudo or sh that said no.
  private func notStarted(_ status: Int, _ complaint: String) -> String {
    let last =
      complaint.split(whereSeparator: \.isNewline).last.map { String($0).visible } ?? "it said nothing"
    let command = AgentScript.command(become: visit.host.become)
    return "the agent did not start (exit status \(status): \(last.shortened(to: 300))); "
      + "check that `\(command)` works on the host for the login user"
  }
}
