import Agents
import Fleet
import System

/// A connection to a host's agent, from the login to the last reply: visits, queries, preflights, tasks and installations
/// differ in what they ask and in what they make of the replies, and share this loop.
struct AgentConnection: Sendable {
  private let host: Host
  private let channel: any CommandChannel

  /// Logs in and starts the agent's command, with retries for what may pass.
  static func open(
    to host: Host, over connector: any Connector, time: any Timekeeper = SystemTime(),
    stop: StopSignal = StopSignal()
  ) async throws(ConnectFailure) -> AgentConnection {
    AgentConnection(
      host: host,
      channel: try await ConnectRetry(host: host, connector: connector, time: time, stop: stop).connect())
  }

  /// What follows from a reply.
  enum Reaction<Answer: Sendable>: Sendable {
    case goOn
    /// What the agent has asked for.
    case give(AgentRequest.Word)
    case answer(Answer)
  }

  enum Result<Answer: Sendable>: Sendable {
    case answered(Answer)
    /// The agent's command ended before it said its first word: the login shell, sudo or sh refused. Nothing was done.
    case notStarted(String)
    /// What the host has done is not known.
    case lost(String)
  }

  /// Sends a request and hands over each reply, until there is an answer. However it ends, the connection is closed.
  ///
  /// - Parameters:
  ///   - replies: what may be said, and within which time.
  ///   - react: may ask the stream for the step that a reply has told.
  /// - Throws: what `react` throws.
  func ask<Answer: Sendable, Failure: Error>(
    _ request: [[UInt8]], _ replies: AgentReplyStream,
    react: (AgentReply, inout AgentReplyStream) async throws(Failure) -> Reaction<Answer>
  ) async throws(Failure) -> Result<Answer> {
    do {
      let result = try await exchange(request, replies, react)
      await channel.close()
      return result
    } catch {
      await channel.close()
      throw error
    }
  }

  private func exchange<Answer: Sendable, Failure: Error>(
    _ request: [[UInt8]], _ stream: AgentReplyStream,
    _ react: (AgentReply, inout AgentReplyStream) async throws(Failure) -> Reaction<Answer>
  ) async throws(Failure) -> Result<Answer> {
    var replies = stream
    DebugLog.write("\(host.name): sending a request of \(request.reduce(0) { $0 + $1.count }) bytes")
    for part in request {
      if let lost = await send(part) {
        if lost.isNothingDone { return .notStarted(lost.reason) }
        // A command that has ended takes nothing any more, and may have said why.
        if case .ended(let status) = await replies.next(from: channel), !replies.hasStarted {
          return .notStarted(notStarted(status, replies.complaint))
        }
        return .lost(lost.reason)
      }
    }
    while true {
      switch await replies.next(from: channel) {
      case .lost(let reason): return .lost(reason)
      case .refused(let reason): return .notStarted(reason)
      case .ended(let status):
        return replies.hasStarted
          ? .lost("the agent ended with status \(status) and no answer")
          : .notStarted(notStarted(status, replies.complaint))
      case .reply(let reply):
        DebugLog.write("\(host.name): the agent says \(reply.summary)")
        if reply == .more {
          if let lost = await send(AgentRequest.rest(nonce: replies.nonce)) { return .lost(lost.reason) }
          continue
        }
        switch try await react(reply, &replies) {
        case .goOn: continue
        case .answer(let answer): return .answered(answer)
        case .give(let word):
          DebugLog.write("\(host.name): the word is \(word.summary)")
          if let lost = await send(word.bytes(nonce: replies.nonce)) { return .lost(lost.reason) }
          replies.gaveWord()
        }
      }
    }
  }

  /// - Returns: why it was not sent.
  private func send(_ bytes: [UInt8]) async -> ConnectionLost? {
    do {
      try await channel.send(bytes)
      return nil
    } catch { return error }
  }

  private func notStarted(_ status: Int, _ complaint: String) -> String {
    let last =
      complaint.split(whereSeparator: \.isNewline).last.map { String($0).visible } ?? "it said nothing"
    let advice =
      host.hasAgent
      ? "install it, or mend what keeps it: \(Remedy.installAgent(host.name))"
      : "check that `\(AgentScript.command(for: host))` works on the host for the login user"
    return "the agent did not start (exit status \(status): \(last.shortened(to: 300))); \(advice)"
  }
}

extension AgentReply {
  /// For the debug log, without what hooks have printed.
  fileprivate var summary: String {
    switch self {
    case .hello: "hello"
    case .begin(let step, let lineage, let hook):
      "begin \(step.rawValue) \(lineage?.rawValue ?? "-") \(hook.map(String.init) ?? "-")"
    case .output(_, let output): "output, \(output.totalBytes) bytes"
    case .step(let step, let lineage, _, let outcome, _):
      "step \(step.rawValue) \(lineage?.rawValue ?? "-"): \(outcome.isSuccess ? "ok" : "not ok")"
    case .await: "await"
    case .end(let end, _): "end \(end.rawValue)"
    case .found: "what it has"
    case .more: "more"
    }
  }
}

extension AgentRequest.Word {
  fileprivate var summary: String {
    switch self {
    case .commit: "commit"
    case .revert: "revert"
    }
  }
}
