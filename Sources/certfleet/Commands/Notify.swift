import Controller
import Fleet

extension Command {
  static let notifyTest = Command(
    words: ["notify", "test"],
    summary: "send every notifier, or this one, a message, and say whether it arrived",
    operands: ["[NAME]"]
  ) { invocation in
    show(try await invocation.controller().testNotifiers(invocation.operands.first))
  }

  /// systemd.exec(5) has the variables of a unit that another one's OnFailure= starts.
  static let notifyFailure = Command(
    words: ["notify", "failure"],
    summary: "tell every notifier that the service did not end by itself; for systemd's OnFailure="
  ) { invocation in
    let (result, status) = (
      invocation.environment["MONITOR_SERVICE_RESULT"] ?? "unknown",
      invocation.environment["MONITOR_EXIT_STATUS"] ?? ""
    )
    // A run that ended has told what needs a person itself.
    if result == "exit-code", status == "\(ExitStatus.failed.rawValue)" { return .converged }
    return show(try await invocation.controller().tellFailedRun("\(result) \(status)".trimmed))
  }

  private static func show(_ results: [(notifier: String, failure: String?)]) -> ExitStatus {
    for (notifier, failure) in results {
      Console.standard.result("\(notifier): \(failure.map { "not sent: \($0)" } ?? "sent")\n")
    }
    return results.contains { $0.failure != nil } ? .failed : .converged
  }
}
