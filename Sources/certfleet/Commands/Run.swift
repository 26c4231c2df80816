import Controller
import Fleet
import FoundationEssentials
import Issuance
import Reporting

extension Command {
  static let run = Command(
    words: ["run"],
    summary: "renew what is due and roll out what is not where it should be; made for a timer",
    options: [
      Option(name: "only", value: "CERT", help: "only this certificate, now if it is due; may be repeated"),
      .dryRun, .now, .why, .yes,
      Option(name: "quiet", help: "say nothing unless a person must act; made for cron"),
      Option(
        name: "staging", help: "rehearse the orders with the CAs' staging directories; rolls nothing out"),
    ]
  ) { invocation in
    let controller = try invocation.controller()
    let only = invocation.all("only")
    let request = try await controller.runRequest(only: only)
    if invocation.has("staging"), !invocation.has("dry-run") {
      return try await invocation.issue(
        Controller.IssueRequest(names: only, urgency: only == nil ? .due : .dueNow, isRehearsal: true))
    }
    return try await invocation.run(request, by: controller)
  }

  static let serve = Command(
    words: ["serve"],
    summary: "stay, and run whenever something is due or somebody has said something; made for a service"
  ) { invocation in
    let controller = try invocation.controller()
    try await Interrupt.handled { stop in
      try await controller.serve(stop: stop) { result in
        if !result.hadNothingToDo || result.outcome != .converged { _ = invocation.show(result) }
        Console.standard.flush()
      }
    }
    return .converged
  }

  static let plan = Command(
    words: ["plan"],
    summary: "show what run would issue and roll out now; without --check it contacts nobody",
    options: [
      Option(name: "only", value: "CERT", help: "only this certificate; may be repeated"),
      Option(name: "check", help: "look at every host, too, whether it has all that its visit needs"), .json,
    ]
  ) { invocation in
    let controller = try invocation.controller()
    return try await invocation.preview(
      try await controller.runRequest(only: invocation.all("only")), by: controller,
      checks: invocation.has("check"))
  }

  static let look = Command(
    words: ["look"],
    summary: "look at what hosts have and serve now; nothing is changed there",
    options: [
      Option(name: "to", value: "SELECTOR", help: "only at these hosts"),
      Option(name: "cert", value: "CERT", help: "only at this certificate; may be repeated"),
      Option(name: "endpoints", help: "only at what they serve, without a login"), .json,
    ]
  ) { invocation in
    let report = try await invocation.controller().look(
      to: invocation["to"], certificates: invocation.all("cert"), onlyEndpoints: invocation.has("endpoints"))
    try invocation.show(report)
    return ExitStatus(report)
  }
}

extension Invocation {
  /// Runs it, or with `--dry-run` shows what it would do.
  func run(_ request: RunRequest, by controller: Controller) async throws -> ExitStatus {
    if has("dry-run") {
      _ = try await preview(request, by: controller)
      return .converged
    }
    var request = request
    if has("now") { request.outsideWindowsBy = try await askedForNow(request, by: controller) }
    let asked = request
    return show(try await Interrupt.handled { try await controller.run(asked, stop: $0) })
  }

  /// Who wants it outside a window; `nil` where no window is closed.
  private func askedForNow(
    _ request: RunRequest, by controller: Controller
  ) async throws -> Controller.Author? {
    let policies = try await controller.closedWindows(of: request)
    guard !policies.isEmpty else { return nil }
    let names = policies.map(\.rawValue).joined(separator: ", ")
    guard try confirm("go outside the window of \(names) now?") else {
      throw Declined(description: "nothing was begun")
    }
    return author
  }

  func preview(
    _ request: RunRequest, by controller: Controller, checks: Bool = false
  ) async throws -> ExitStatus {
    let preview = try await controller.preview(request, checks: checks)
    for warning in try await controller.scheduleWarnings() { Console.standard.say(warning.line) }
    ControllerEvent.ahead(preview.ahead).lines.forEach(Console.standard.say)
    ControllerEvent.drifted(preview.drifted).lines.forEach(Console.standard.say)
    if !has("json"), !preview.leftOut.isEmpty {
      ControllerEvent.leftOut(preview.leftOut).lines.forEach(Console.standard.say)
    }
    try show(preview)
    return preview.checked.map { ExitStatus($0) } ?? .converged
  }

  func show(_ result: RunResult) -> ExitStatus { show(result, summarizes: true) }

  private func showQuietly(_ result: RunResult) -> ExitStatus {
    if result.outcome == .failed || result.report.troubles.contains(where: \.kind.needsPerson) {
      let name = ProcessInfo.processInfo.hostName
      Console.standard.result(result.report.brief(of: name, on: Console.standard.screen))
    }
    return ExitStatus(result.outcome)
  }

  /// Says how the fleet stands now, in a line or two.
  ///
  /// - Parameter summarizes: whether all of the fleet is told, or only what was begun.
  func show(_ result: RunResult, summarizes: Bool) -> ExitStatus {
    if has("quiet") { return showQuietly(result) }
    Console.standard.show([])
    if result.wasInterrupted {
      Console.standard.say("interrupted: what was under way has ended; go on with: \(Remedy.run)")
    } else if result.hadNothingToDo {
      Console.standard.say("nothing to do")
    }
    if summarizes { Console.standard.result(result.report.summary + "\n") }
    for rollout in result.unfinished {
      // The last one is told in the line above.
      let isTold = summarizes && rollout.id == result.report.lastRollout?.id
      Console.standard.result(
        (isTold ? "" : "rollout \(rollout.id) \(rollout.standing)\n") + rollout.failures + rollout.next)
    }
    return ExitStatus(result.outcome)
  }
}
