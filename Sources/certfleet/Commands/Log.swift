import Controller
import Fleet
import FoundationEssentials
import Reporting
import Storage

extension Command {
  static let log = Command(
    words: ["log"], summary: "show what happened, oldest first",
    options: [
      Option(name: "host", value: "HOST", help: "only this host"),
      Option(name: "rollout", value: "N", help: "only this rollout"),
      Option(name: "cert", value: "CERT", help: "only this certificate"),
      Option(
        name: "since", value: "TIME",
        help: "only what happened since then: 24h, 2026-11-01, 2026-11-01T06:00:00Z"),
      Option(name: "until", value: "TIME", help: "only what happened before"),
      Option(name: "step", value: "STEP", help: "only this step of visits: deploy, verify, revert …"),
      Option(name: "failed", help: "only what did not go well"),
      Option(
        name: "grep", value: "TEXT",
        help: "only what says this, also in hooks' output; large or small letters"),
      Option(name: "follow", letter: "f", help: "go on with what happens now, until ^C"),
      Option(name: "all", help: "everything that happened, and not the last \(most) events alone"),
      Option(name: "output", help: "show the hooks' output also where they succeeded"), .json,
      Option(name: "verify", help: "check that no recorded event was altered or is missing"),
      Option(name: "accept-loss", help: "go on with a log that lacks its end; the log says so"),
    ]
  ) { invocation in
    let controller = try invocation.controller(acceptsCutOff: true)
    if invocation.has("accept-loss") { try await controller.acceptLoss(by: invocation.author) }
    if invocation.has("accept-loss") || invocation.has("verify") { return try await verify(controller) }
    let filter = Store.LogFilter(
      host: invocation["host"].map { Host.Name($0) },
      rollout: try invocation["rollout"].map {
        Rollout.ID(try Invocation.rolloutNumber($0, for: invocation.command))
      },
      lineage: invocation["cert"].map { Lineage.Name($0) },
      since: try invocation["since"].map { try moment($0, for: invocation.command) },
      until: try invocation["until"].map { try moment($0, for: invocation.command) },
      most: invocation.has("all") || invocation["since"] != nil || invocation.logHasWholeVisits
        ? nil : most + 1,
      matches: try invocation.logCondition())
    let events = try await controller.log(filter)
    let isCut = filter.most.map { events.count == $0 } ?? false
    if isCut { Console.standard.say("these are the last \(most) events; all of them: --all") }
    if let id = filter.rollout, invocation.logHasWholeVisits {
      let log = RolloutLog(id, events, showsAll: invocation.has("output"))
      Console.standard.result(log.text(on: Console.standard.screen))
      return .converged
    }
    let line = line(for: invocation)
    for logged in isCut ? events.dropFirst() : events[...] { Console.standard.result(try line(logged)) }
    if invocation.has("follow") { try await follow(controller, filter, from: events.last?.id, line) }
    return .converged
  }

  private static func line(for invocation: Invocation) -> (LoggedEvent) throws -> String {
    let withOutput = invocation.has("output")
    return invocation.has("json")
      ? { try JSONText.line($0, as: .event) } : { EventLine.log($0.event, withOutput: withOutput) }
  }

  /// Ends with the program.
  private static func follow(
    _ controller: Controller, _ filter: Store.LogFilter, from last: Int?,
    _ line: (LoggedEvent) throws -> String
  ) async throws {
    var filter = filter
    filter.most = nil
    var seen = last ?? 0
    while Console.standard.lostResult == nil {
      let events = try await controller.store.events(filter, after: seen)
      seen = events.last?.id ?? seen
      for logged in events { Console.standard.result(try line(logged)) }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private static let most = 100

  /// A time before now, or a moment.
  private static func moment(_ text: String, for command: Command) throws -> Date {
    if let ago = Duration(text: text) { return Date().addingTimeInterval(-ago.seconds) }
    let whole = text.count == 10 ? text + "T00:00:00Z" : text
    if let moment = try? Date(whole, strategy: .iso8601) { return moment }
    throw UsageError(
      message: "'\(text.visible)' is no time; write 24h, 2026-11-01 or 2026-11-01T06:00:00Z", command: command
    )
  }

  private static func verify(_ controller: Controller) async throws -> ExitStatus {
    let result = try await controller.store.verifyLog()
    if let altered = result.firstAltered {
      Console.standard.result("event \(altered) is not what was recorded; \(result.count) before it are\n")
      return .failed
    }
    if let missing = result.missingArchive {
      Console.standard.result(
        "events up to \(missing) were moved to files in history/, and these are not all there\n")
      return .failed
    }
    if let cutOff = result.cutOff {
      Console.standard.result("\(cutOff)\n")
      return .failed
    }
    let archived = result.archived == 0 ? "" : ", \(result.archived) of them in history/"
    Console.standard.result("\(result.count) events\(archived), none altered\n")
    return .converged
  }
}

extension Invocation {
  /// Whether it is the log of one rollout, and not some lines of it.
  fileprivate var logHasWholeVisits: Bool {
    let parts = ["cert", "since", "until", "step", "grep"]
    return self["rollout"] != nil && parts.allSatisfy { self[$0] == nil }
      && !["failed", "follow", "json"].contains(where: has)
  }

  /// What an event is to be beside what the database finds.
  fileprivate func logCondition() throws -> (@Sendable (Event) -> Bool)? {
    let step = try self["step"].map { word in
      guard let step = Step(rawValue: word) else {
        throw UsageError(
          message: "'\(word.visible)' is no step: \(Step.allCases.map(\.rawValue).joined(separator: ", "))",
          command: command)
      }
      return step
    }
    let (isFailed, wanted) = (has("failed"), self["grep"]?.lowercased())
    guard step != nil || isFailed || wanted != nil else { return nil }
    return { event in
      if let step {
        guard case .step(let result) = event.kind, result.step == step else { return false }
      }
      if isFailed, !event.isFailure { return false }
      guard let wanted else { return true }
      return EventLine.log(event, withOutput: true).lowercased().contains(wanted)
    }
  }
}

extension Event {
  /// A step or visit that did not go well, a wave or rollout that failed, a certificate that was not issued.
  fileprivate var isFailure: Bool {
    switch kind {
    case .step(let result): !result.outcome.isSuccess
    case .visitEnded(let end, _): end.account != .success
    case .waveMoved(let state, _), .waveEnded(let state, _): state == .failed || state == .revertFailed
    case .rolloutMoved(let state, _), .rolloutEnded(let state, _):
      [.halted, .partial, .rolledBack, .rollbackFailed].contains(state)
    case .note(let note, _): note == .issueFailed || note == .drifted
    case .rolloutStarted, .waveStarted, .visitStarted, .revertStarted, .instructed: false
    }
  }
}
