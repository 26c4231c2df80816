import Controller

extension Command {
  static let notifyTest = Command(
    words: ["notify", "test"],
    summary: "send every notifier, or this one, a message, and say whether it arrived",
    operands: ["[NAME]"]
  ) { invocation in
    let results = try await invocation.controller().testNotifiers(invocation.operands.first)
    for (notifier, failure) in results {
      Console.standard.result("\(notifier): \(failure.map { "not sent: \($0)" } ?? "sent")\n")
    }
    return results.contains { $0.failure != nil } ? .failed : .converged
  }
}
