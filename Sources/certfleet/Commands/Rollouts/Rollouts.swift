import Fleet
import Foundation
import Reporting
import Storage

extension Command {
  static let rolloutList = Command(
    words: ["rollout", "list"], summary: "show the rollouts, newest first",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let rollouts = try await Session(invocation).store.rollouts()
    Console.standard.result(
      invocation.has("json")
        ? try JSONText.encode(rollouts, as: .rollouts) : Listing.rollouts(rollouts, now: Date()))
    return .converged
  }

  static let rolloutShow = Command(
    words: ["rollout", "show"],
    summary: "show where a rollout stands: its waves, its hosts, what it waits for, how to go on",
    operands: ["N"],
    options: [
      Option(name: "plan", help: "show what it was to do, too"), Option(name: "json", help: "as JSON"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.rollout(invocation)
    let account = RolloutReport(rollout, try await session.store.ledger(of: rollout.id))
    if invocation.has("json") {
      Console.standard.result(try JSONText.encode(account, as: .rollout))
    } else {
      Console.standard.result(account.text + (invocation.has("plan") ? "\n" + rollout.plan.text : ""))
    }
    return .converged
  }
}

extension Session {
  /// The rollout that a command's first operand names.
  func rollout(_ invocation: Invocation) async throws -> Rollout {
    let text = invocation.operands[0]
    guard let number = Int(text), number > 0 else {
      throw UsageError(message: "'\(text.visible)' is not a rollout's number", command: invocation.command)
    }
    do {
      return try await store.rollout(Rollout.ID(number))
    } catch is Store.Missing {
      throw BadInput("rollout \(number) is not stored; see: certfleet rollout list")
    }
  }
}
