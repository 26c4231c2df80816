import Controller
import Fleet

/// What a person says to a rollout.
extension Command {
  static let rolloutApprove = Command(
    words: ["rollout", "approve"], summary: "let a wave go that waits for approval", operands: ["N"],
    options: [
      Option(
        name: "wave", value: "W", help: "this wave, also before it is its turn; else the one that waits"),
      Option(
        name: "plan", value: "HASH", help: "only if the plan is this one, as rollout show --json tells it"),
      .why,
    ]
  ) { invocation in
    let (controller, number) = (try invocation.controller(), try invocation.rolloutNumber())
    let asked = try invocation["wave"].map { text in
      guard let wave = Int(text) else {
        throw UsageError(message: "'\(text.visible)' is not a wave's number", command: invocation.command)
      }
      return wave
    }
    let wave = try await controller.approve(
      number, wave: asked, plan: invocation["plan"], by: invocation.author)
    return try await invocation.confirm("wave \(wave) of rollout \(number) is approved", number, controller)
  }

  static let rolloutPause = Command(
    words: ["rollout", "pause"], summary: "begin no further host; those under way come to their end",
    operands: ["N"], options: [.why]
  ) { invocation in
    let number = try invocation.rolloutNumber()
    try await invocation.controller().pause(number, by: invocation.author)
    Console.standard.result(
      "rollout \(number) is to wait; go on with: \(Remedy.resume(Rollout.ID(number)))\n")
    return .converged
  }

  static let rolloutResume = Command(
    words: ["rollout", "resume"], summary: "let a paused rollout go on", operands: ["N"],
    options: [.why]
  ) { invocation in
    let (controller, number) = (try invocation.controller(), try invocation.rolloutNumber())
    try await controller.resume(number, by: invocation.author)
    return try await invocation.confirm("rollout \(number) may go on", number, controller)
  }

  static let rolloutCancel = Command(
    words: ["rollout", "cancel"], summary: "end a rollout where it is; hosts keep what they have",
    operands: ["N"], options: [.why]
  ) { invocation in
    let (controller, number) = (try invocation.controller(), try invocation.rolloutNumber())
    let state = try await Interrupt.handled {
      try await controller.cancel(number, by: invocation.author, stop: $0)
    }
    guard let state else {
      Console.standard.result("rollout \(number) ends when the hosts under way have ended\n")
      return .converged
    }
    return state == .cancelled ? .converged : .failed
  }
}

extension Invocation {
  fileprivate func confirm(_ what: String, _ number: Int, _ controller: Controller) async throws
    -> ExitStatus
  {
    let isPaused = try await controller.isPaused(number)
    Console.standard.result(what + (isPaused ? "; go on with: \(Remedy.run)\n" : "\n"))
    return .converged
  }
}
