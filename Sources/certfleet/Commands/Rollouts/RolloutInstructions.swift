import Engine
import Fleet
import Foundation
import Reporting
import Storage
import System

/// What a person says to a rollout. It is heard by the run that carries it out, at once, or by the next one.
extension Command {
  private static let why = Option(name: "why", value: "TEXT", help: "the reason, for the log")

  static let rolloutApprove = Command(
    words: ["rollout", "approve"], summary: "let a wave go that waits for approval", operands: ["N"],
    options: [
      Option(
        name: "wave", value: "W", help: "this wave, also before it is its turn; else the one that waits"),
      Option(
        name: "plan", value: "HASH", help: "only if the plan is this one, as rollout show --json tells it"),
      why,
    ]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.rollout(invocation)
    let wave = try await session.waveToApprove(of: rollout, invocation)
    if let hash = invocation["plan"], hash.count < 8 || !rollout.planHash.hasPrefix(hash) {
      throw BadInput(
        "the plan of rollout \(rollout.id) is \(rollout.planHash.prefix(12))…, not '\(hash.visible)'; look at it: certfleet rollout show \(rollout.id) --plan"
      )
    }
    try await session.instruct(.approve(wave: wave, planHash: rollout.planHash), rollout, invocation)
    return try await session.confirm("wave \(wave) of rollout \(rollout.id) is approved", rollout)
  }

  static let rolloutPause = Command(
    words: ["rollout", "pause"], summary: "begin no further host; those under way come to their end",
    operands: ["N"], options: [why]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.openRollout(invocation)
    try await session.instruct(.pause, rollout, invocation)
    Console.standard.result(
      "rollout \(rollout.id) is to wait; go on with: certfleet rollout resume \(rollout.id)\n")
    return .converged
  }

  static let rolloutResume = Command(
    words: ["rollout", "resume"], summary: "let a paused rollout go on", operands: ["N"], options: [why]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.openRollout(invocation)
    guard try await session.store.instructions(for: rollout.id).pausedBy != nil else {
      throw BadInput(
        "nobody has paused rollout \(rollout.id); it is \(rollout.state.words)\(rollout.reason.isEmpty ? "" : ": \(rollout.reason)")"
      )
    }
    try await session.instruct(.resume, rollout, invocation)
    return try await session.confirm("rollout \(rollout.id) may go on", rollout)
  }

  static let rolloutCancel = Command(
    words: ["rollout", "cancel"], summary: "end a rollout where it is; hosts keep what they have",
    operands: ["N"], options: [why]
  ) { invocation in
    let session = try Session(invocation)
    let rollout = try await session.openRollout(invocation)
    try await session.instruct(.cancel, rollout, invocation)
    guard let lease = try? ControllerLease(home: session.home, now: Date()) else {
      Console.standard.result("rollout \(rollout.id) ends when the hosts under way have ended\n")
      return .converged
    }
    // Nobody is at it, who could hear it.
    let interrupt = Interrupt()
    let run = FleetRun(
      session: session, hosts: try await session.hostErrands(invocation), stop: interrupt.stop,
      epoch: try await session.store.beginEpoch(now: Date()), errand: .init())
    let state = try await run.conclude(rollout)
    withExtendedLifetime((lease, interrupt)) {}
    return state == .cancelled ? .converged : .failed
  }
}

extension Session {
  fileprivate func openRollout(_ invocation: Invocation) async throws -> Rollout {
    let rollout = try await rollout(invocation)
    guard !rollout.state.isEnd else {
      throw BadInput("rollout \(rollout.id) has ended: it is \(rollout.state.words)")
    }
    return rollout
  }

  fileprivate func waveToApprove(of rollout: Rollout, _ invocation: Invocation) async throws -> Int {
    guard !rollout.state.isEnd else {
      throw BadInput("rollout \(rollout.id) has ended: it is \(rollout.state.words)")
    }
    let waves = rollout.plan.waves
    if let text = invocation["wave"] {
      guard let wave = Int(text), waves.indices.contains(wave - 1) else {
        throw BadInput("rollout \(rollout.id) has no wave '\(text.visible)'; it has \(waves.count)")
      }
      guard waves[wave - 1].rule.needsApproval else {
        throw BadInput("wave \(wave) of rollout \(rollout.id) needs no approval")
      }
      return wave
    }
    let states = try await store.ledger(of: rollout.id).waves.map(\.state)
    let approved = try await store.instructions(for: rollout.id).approvedWaves
    let next = waves.indices.first {
      waves[$0].rule.needsApproval && (states[$0] == .pending || states[$0] == .gated)
        && !approved.contains($0 + 1)
    }
    guard let next else { throw BadInput("no wave of rollout \(rollout.id) waits for approval") }
    return next + 1
  }

  fileprivate func instruct(
    _ instruction: Instruction, _ rollout: Rollout, _ invocation: Invocation
  ) async throws {
    var wave: Int?
    if case .approve(let number, _) = instruction { wave = number }
    // Under sudo, the person and not the account.
    let user = invocation.environment["SUDO_USER"] ?? SystemUser.name
    try await store.record(
      Event(
        at: Date(), subject: .init(rollout: rollout.id, wave: wave),
        kind: .instructed(instruction, by: user, why: invocation["why"] ?? "")))
  }

  fileprivate func confirm(_ what: String, _ rollout: Rollout) async throws -> ExitCode {
    let isPaused = try await store.ledger(of: rollout.id).state == .paused
    Console.standard.result(what + (isPaused ? "; go on with: certfleet run\n" : "\n"))
    return .converged
  }
}
