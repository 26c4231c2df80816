import Agents
import Fleet
import Foundation
import struct Fleet.Host

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

  func run() async throws -> Result {
    do {
      for part in request.parts(now: Date()) { try await conversation.send(part) }
    } catch { return .lost(error.reason) }
    var attention = Attention(nonce: request.nonce, visit: visit.planned, isQuery: false)
    var progress = Progress()
    while true {
      switch await attention.hear(conversation) {
      case .lost(let reason): return .lost(reason)
      case .ended(let status):
        return attention.hasStarted
          ? .lost("the agent ended without saying how")
          : .ended(
            Visit.Ending(
              end: .failedClean, reason: Self.notStarted(on: visit.host, status, attention.complaint)))
      case .reply(let reply):
        if let result = try await handle(reply, &attention, &progress) { return result }
      }
    }
  }

  private struct Progress {
    /// Why the visit took the way it took: the first step that failed, with its own last words.
    var firstFailure: String?
    var hasGivenWord = false
    /// Why nobody could find out whether the host serves what it should.
    var doubt: String?
  }

  private func handle(
    _ reply: AgentReply, _ attention: inout Attention, _ progress: inout Progress
  ) async throws -> Result? {
    switch reply {
    case .hello, .begin, .output: break
    case .step(let step, let lineage, let hook, let outcome, let text):
      // In a recovery the index is that of an earlier request.
      let words = step == .recover ? nil : hook.flatMap { request.hooks[$0]?.words }
      let result = attention.result(
        step, lineage, outcome, detail: words?.visible.shortened(to: 400) ?? text)
      try await visit.record(.step(result), lineage: result.lineage)
      if !outcome.isSuccess, progress.firstFailure == nil {
        progress.firstFailure = [outcome.description, result.stderr.lastLine].filter { !$0.isEmpty }
          .joined(separator: ": ")
      }
    case .await:
      guard !progress.hasGivenWord else { return .lost("the agent asked for a second word") }
      progress.hasGivenWord = true
      let word = try await verify(&progress)
      do {
        try await conversation.send(word.bytes(nonce: request.nonce))
      } catch { return .lost(error.reason) }
    case .end(let end, let text):
      let cause = progress.firstFailure.flatMap { text.hasSuffix($0) || text.isEmpty ? nil : ": \($0)" } ?? ""
      let ending = Self.ending(end, text + cause)
      guard let doubt = progress.doubt, ending.end == .rolledBack || ending.end == .failedClean else {
        return .ended(ending)
      }
      return .ended(Visit.Ending(end: .inconclusive, reason: doubt))
    }
    return nil
  }

  /// Looks at everything that the host should serve now; the verdicts are recorded before the word is given.
  private func verify(_ progress: inout Progress) async throws -> AgentRequest.Word {
    for certificate in visit.planned.certificates {
      for verification in Verifier.checks(of: certificate) {
        let verdict = try await Verifier(visit: visit).check(
          verification, of: certificate, serves: certificate.fingerprint, as: .verify)
        guard verdict.isSuccess else {
          if verdict.isInconclusive { progress.doubt = "\(verification.place(on: visit.host)): \(verdict)" }
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
  static func notStarted(on host: Host, _ status: Int, _ complaint: String) -> String {
    let last =
      complaint.split(whereSeparator: \.isNewline).last.map { String($0).visible } ?? "it said nothing"
    let advice =
      host.hasAgent
      ? "install it, or mend what keeps it: certfleet agent install \(host.name)"
      : "check that `\(AgentScript.command(for: host))` works on the host for the login user"
    return "the agent did not start (exit status \(status): \(last.shortened(to: 300))); \(advice)"
  }
}
