/// What the process tells its caller (sysexits(3) from 64 on).
enum ExitCode: Int32, Sendable {
  case converged = 0
  /// Some hosts failed, halted a rollout or went back, or a certificate was not issued.
  case failed = 1
  /// Nothing worse than hosts that were not reached.
  case unreachable = 2
  /// A rollout waits: for an approval, for its window, for a bake.
  case waiting = 3
  case usage = 64
  case badInput = 65
  case `internal` = 70
  case anotherController = 75

  /// The more serious of two.
  func combined(with other: ExitCode) -> ExitCode {
    [.failed, .unreachable, .waiting].first { $0 == self || $0 == other } ?? .converged
  }
}
