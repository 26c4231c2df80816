import Engine
package import Fleet
import FoundationEssentials
import Planning
import Storage
package import System

/// What a person says to a rollout. It is heard by the run that carries it out, at once, or by the next one.
extension Controller {
  /// Who says it, and why, for the log.
  package struct Author: Sendable {
    let name: String
    let why: String

    /// - Parameter why: may be empty.
    package init(_ environment: [String: String], why: String) {
      // Under sudo, the person and not the account.
      name = environment["SUDO_USER"] ?? SystemUser.name
      self.why = why
    }
  }

  /// - Parameters:
  ///   - wave: from 1; `nil` is the one that waits.
  ///   - hash: the beginning of the plan's, which it has to be.
  /// - Returns: the wave that may go.
  package func approve(_ number: Int, wave: Int?, plan hash: String?, by author: Author) async throws -> Int {
    let rollout = try await openRollout(number)
    let wave = try await waveToApprove(of: rollout, wave)
    if let hash, hash.count < 8 || !rollout.planHash.hasPrefix(hash) {
      throw ControllerError.otherPlan(rollout, given: hash)
    }
    try await instruct(.approve(wave: wave, planHash: rollout.planHash), rollout, by: author)
    return wave
  }

  package func pause(_ number: Int, by author: Author) async throws {
    try await instruct(.pause, try await openRollout(number), by: author)
  }

  package func resume(_ number: Int, by author: Author) async throws {
    let rollout = try await openRollout(number)
    guard try await store.instructions(for: rollout.id).pausedBy != nil else {
      throw ControllerError.notPaused(rollout)
    }
    try await instruct(.resume, rollout, by: author)
  }

  /// Ends a rollout where it is.
  ///
  /// - Returns: its state; `nil` where the run that is at it will end it.
  package func cancel(_ number: Int, by author: Author, stop: StopSignal = StopSignal()) async throws
    -> RolloutState?
  {
    let rollout = try await openRollout(number)
    try await instruct(.cancel, rollout, by: author)
    do {
      // Nobody is at it, who could hear it.
      return try await leased(stop: stop, isPatient: false) {
        try await Run(self, RunRequest(), stop: stop, carrier: $0).conclude(rollout)
      }
    } catch is ControllerLease.Held { return nil }
  }

  /// Lets a rollout go outside its window, and goes on with it.
  package func startNow(
    _ number: Int, by author: Author, stop: StopSignal = StopSignal()
  ) async throws -> RunResult {
    let rollout = try await openRollout(number)
    return try await leased(stop: stop) { carrier in
      try await instruct(.startNow, rollout, by: author)
      return try await Run(
        self, RunRequest(only: Set(rollout.plan.lineages), issues: false), stop: stop, carrier: carrier
      ).run()
    }
  }

  /// Whether it waits, so that the next run has to be started for it to go on.
  package func isPaused(_ number: Int) async throws -> Bool {
    try await store.state(of: Rollout.ID(number)) == .paused
  }

  private func openRollout(_ number: Int) async throws -> Rollout {
    let rollout = try await rollout(number)
    guard !rollout.state.isEnd else { throw ControllerError.ended(rollout) }
    return rollout
  }

  private func waveToApprove(of rollout: Rollout, _ wave: Int?) async throws -> Int {
    let waves = rollout.plan.waves
    if let wave {
      guard waves.indices.contains(wave - 1) else { throw ControllerError.noWave(wave, of: rollout) }
      guard waves[wave - 1].rule.needsApproval else {
        throw ControllerError.waveNeedsNoApproval(wave, of: rollout)
      }
      return wave
    }
    let wait = RolloutWait(
      of: rollout.plan, at: try await store.ledger(of: rollout.id),
      try await store.instructions(for: rollout.id).goingOn, now: Date())
    guard case .approval(let next) = wait else { throw ControllerError.noWaveWaits(rollout) }
    return next
  }

  func instruct(_ instruction: Instruction, _ rollout: Rollout, by author: Author) async throws {
    var wave: Int?
    if case .approve(let number, _) = instruction { wave = number }
    try await store.record(
      Event(
        at: Date(), subject: .init(rollout: rollout.id, wave: wave),
        kind: .instructed(instruction, by: author.name, why: author.why)))
  }
}

extension OperatorInstructions {
  /// The same for one that nobody has paused.
  fileprivate var goingOn: OperatorInstructions {
    var orders = self
    orders.pausedBy = nil
    return orders
  }
}
