import Fleet
import Planning
import System

/// Looks, before each visit of a wave, whether it may still be begun.
struct VisitAdmission {
  let runner: RolloutRunner
  let index: Int
  private var lastLook: Duration
  private var isBroken = false

  /// What people say is heard within this time.
  private static let interval = Duration.seconds(1)

  init(runner: RolloutRunner, index: Int) {
    self.runner = runner
    self.index = index
    lastLook = runner.ports.time.uptime
  }

  /// The same for one that had to wait, looked at anew.
  static func allowsNow(_ runner: RolloutRunner, _ index: Int) async throws -> Bool {
    guard !runner.stop.isRequested, try await runner.broken(index) == nil else { return false }
    let orders = try await runner.ports.instructions.instructions(for: runner.rollout)
    return orders.cancelledBy == nil && orders.pausedBy == nil
  }

  mutating func allows(after end: VisitEnd?) async throws -> Bool {
    guard !runner.stop.isRequested, !isBroken else { return false }
    switch end?.account {
    case .success, .placed: break
    case .undecided: isBroken = true
    // At the start too: what a crash left may be more trouble than there may be.
    case .failure, .unreachable, nil: isBroken = try await runner.broken(index) != nil
    }
    let uptime = runner.ports.time.uptime
    guard !isBroken, uptime - lastLook > Self.interval else { return !isBroken }
    lastLook = uptime
    let orders = try await runner.ports.instructions.instructions(for: runner.rollout)
    if orders.cancelledBy != nil || orders.pausedBy != nil { return false }
    if case .closed = Gate.window(of: runner.plan, at: runner.ports.time.now, orders: orders) { return false }
    return true
  }
}
