import Controller
import Fleet
import Planning
import Reporting
import Storage

extension Command {
  static let rolloutList = Command(
    words: ["rollout", "list"], summary: "show the rollouts, newest first", options: [.json]
  ) { invocation in
    try invocation.show(try await invocation.controller().listRollouts())
    return .converged
  }

  static let rolloutShow = Command(
    words: ["rollout", "show"],
    summary:
      "show where a rollout stands, the newest or this one: its waves, hosts, what it waits for, how to go on",
    operands: ["[N]"], options: [Option(name: "plan", help: "show what it was to do, too"), .json]
  ) { invocation in
    let controller = try invocation.controller()
    let (report, plan) = try await controller.rolloutReport(
      try await invocation.rolloutNumber(orNewestOf: controller))
    try invocation.show(report)
    if invocation.has("plan"), !invocation.has("json") { Console.standard.result("\n" + plan.text) }
    return .converged
  }

  static let rolloutStart = Command(
    words: ["rollout", "start"],
    summary: "do for one certificate what run does for all; with --now let rollout N go outside its window",
    operands: ["CERT | N"],
    options: [
      Option(name: "to", value: "SELECTOR", help: "only to these of its hosts"),
      Option(name: "force", help: "push again what is already there, and run its hooks"),
      Option(name: "hooks-only", help: "run the hooks of what is there, and change nothing"), .dryRun, .now,
      .why, .yes,
    ]
  ) { invocation in
    let controller = try invocation.controller()
    if invocation.has("now"), let number = Int(invocation.operands[0]) {
      return try await invocation.startNow(number, by: controller)
    }
    let (isForced, isHooksOnly) = (invocation.has("force"), invocation.has("hooks-only"))
    if isForced, isHooksOnly {
      throw UsageError(
        message: "--hooks-only pushes nothing, and --force pushes again; choose one",
        command: invocation.command)
    }
    let request = try await controller.startRequest(
      invocation.operands[0], to: invocation["to"],
      push: isHooksOnly ? .hooksOnly : isForced ? .everything : .due)
    return try await invocation.run(request, by: controller)
  }

  static let rolloutRetry = Command(
    words: ["rollout", "retry"],
    summary: "try again, as a new rollout, the hosts of a rollout that failed or were not started",
    operands: ["N"], options: [.dryRun]
  ) { invocation in
    let controller = try invocation.controller()
    let request = try await controller.retryRequest(try invocation.rolloutNumber())
    return try await invocation.run(request, by: controller)
  }

  static let rolloutRollback = Command(
    words: ["rollout", "rollback"],
    summary: "take the hosts of a rollout back, as a new rollout, to what they had before",
    operands: ["N"], options: [.dryRun, .yes]
  ) { invocation in
    let controller = try invocation.controller()
    let number = try invocation.rolloutNumber()
    let back = try await controller.rollbackTarget(number)
    if !invocation.has("dry-run") {
      let generations = back.targets.map { "\($0.lineage) to generation \($0.generation)" }
      let question = "take every host of rollout \(number) back (\(generations.joined(separator: ", ")))?"
      guard try invocation.confirm(question) else { throw Declined(description: "no host was taken back") }
    }
    return try await invocation.goBack(back, by: controller)
  }
}

extension Command.Option {
  static let now = Command.Option(
    name: "now", help: "also outside a policy's window; it is asked, and logged with who and why")
}

extension Invocation {
  fileprivate func startNow(_ number: Int, by controller: Controller) async throws -> ExitStatus {
    guard try confirm("let rollout \(number) go outside its window now?") else {
      throw Declined(description: "rollout \(number) waits on")
    }
    let author = author
    return show(try await Interrupt.handled { try await controller.startNow(number, by: author, stop: $0) })
  }
}
