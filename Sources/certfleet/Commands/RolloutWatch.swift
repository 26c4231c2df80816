import Controller
import Fleet
import FoundationEssentials
import Glibc
import Reporting
import Storage

extension Command {
  static let rolloutWatch = Command(
    words: ["rollout", "watch"],
    summary:
      "look at a rollout while it goes on, the newest or this one, from another terminal; ^C leaves it alone",
    operands: ["[N]"]
  ) { invocation in
    let controller = try invocation.controller()
    let rollout = try await controller.rollout(try await invocation.rolloutNumber(orNewestOf: controller))
    return try await RolloutWatch(controller: controller, rollout: rollout).follow()
  }
}

/// Follows what is recorded of a rollout until it ends or waits.
private struct RolloutWatch {
  let controller: Controller
  let rollout: Rollout
  private static let interval = Duration.milliseconds(500)

  func follow() async throws -> ExitStatus {
    let questions = Questions()
    var seen = 0
    var ledger = RolloutLedger(waves: rollout.plan.waves.count)
    var board = RolloutBoard(rollout.id, rollout.plan)
    while true {
      for logged in try await controller.store.events(.init(rollout: rollout.id), after: seen) {
        seen = logged.id
        // What an earlier certfleet has recorded followed other rules; the end is read from the tables.
        try? ledger.apply(logged.event)
        board.take(logged.event).forEach(Console.standard.say)
      }
      Console.standard.show(board.lines(on: Console.standard.picture, now: Date()))
      if questions.wasAsked { Console.standard.say(board.awaited(ledger, now: Date())) }
      let state = try await controller.store.state(of: rollout.id)
      if state.isEnd || state == .paused, seen > 0 || state.isEnd { break }
      try await Task.sleep(for: Self.interval)
    }
    Console.standard.show([])
    let report = try await controller.rolloutReport(rollout.id.number).report
    Console.standard.result(report.text(now: Date()))
    return report.state == .succeeded ? .converged : report.state == .paused ? .waiting : .failed
  }
}

/// Enter on the terminal asks who is awaited.
private final class Questions {
  private let isTerminal = isatty(STDIN_FILENO) == 1

  var wasAsked: Bool {
    guard isTerminal else { return false }
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&input, 1, 0) > 0 else { return false }
    var bytes = [UInt8](repeating: 0, count: 256)
    return read(STDIN_FILENO, &bytes, bytes.count) > 0
  }
}
