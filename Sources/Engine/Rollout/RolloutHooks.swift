import Fleet
import FoundationEssentials

/// A policy's own hooks on the controller, around the whole rollout.
struct RolloutHooks: Sendable {
  let rollout: Rollout.ID
  let plan: Plan
  let ports: Ports

  /// - Returns: why nothing may be begun; `nil` when all is well.
  func before() async throws -> String? {
    for hook in plan.policy.hooks.pre {
      let outcome = try await run(hook, .pre, ["CERTFLEET_STATE": RolloutState.running.rawValue])
      guard outcome.isSuccess else {
        return "the rollout's pre hook '\(hook.command.visible.shortened(to: 80))' failed: \(outcome)"
      }
    }
    return nil
  }

  /// - Returns: why something is not as it should be; empty when all is well.
  func after(ending state: RolloutState, _ ledger: RolloutLedger) async throws -> String {
    guard !plan.policy.hooks.post.isEmpty else { return "" }
    func named(_ account: VisitEnd.Account) -> String {
      ledger.hosts(of: plan.visits) { $0.account == account }.map(\.host.name.rawValue)
        .joined(separator: " ")
    }
    let own = [
      "CERTFLEET_STATE": state.rawValue, "CERTFLEET_OK_HOSTS": named(.success),
      "CERTFLEET_FAILED_HOSTS": named(.failure),
      "CERTFLEET_UNREACHABLE_HOSTS": named(.unreachable),
    ]
    var failures: [String] = []
    for hook in plan.policy.hooks.post {
      let outcome = try await run(hook, .post, own)
      if !outcome.isSuccess {
        failures.append(
          "the rollout's post hook '\(hook.command.visible.shortened(to: 80))' failed: \(outcome)")
      }
    }
    return failures.joined(separator: "; ")
  }

  private func run(_ hook: Hook, _ step: Step, _ own: [String: String]) async throws -> Outcome {
    let hosts = ControllerHook.hosts(plan.visits.map(\.host))
    return try await ControllerHook(hook: hook, step: step, ports: ports).run(
      environment: hosts.merging(own) { $1 }, subject: .init(rollout: rollout))
  }
}

/// What a hook is run for, as CERTFLEET_ACTION tells it.
enum HookAction: String { case deploy, rollback }

/// One command on the controller, recorded as a step of a wave or of the whole rollout.
struct ControllerHook: Sendable {
  let hook: Hook
  let step: Step
  var action = HookAction.deploy
  let ports: Ports

  static func hosts(_ hosts: [Host]) -> [String: String] {
    [
      "CERTFLEET_HOSTS": hosts.map(\.name.rawValue).joined(separator: " "),
      "CERTFLEET_ADDRESSES": hosts.map(\.address).joined(separator: " "),
    ]
  }

  func run(environment own: [String: String], subject: Event.Subject) async throws -> Outcome {
    let started = ContinuousClock.now
    var own = own
    own["CERTFLEET_ROLLOUT"] = subject.rollout.map { "\($0)" }
    own["CERTFLEET_WAVE"] = subject.wave.map { "\($0)" }
    own["CERTFLEET_ACTION"] = action.rawValue
    // One that stood still meanwhile does nothing beside who leads in its place.
    try await ports.recorder.requireLead()
    let result = await ports.localHooks.run(
      hook.command, environment: hook.environment.merging(own) { $1 }, timeout: hook.timeout)
    try await ports.recorder.record(
      Event(
        at: ports.time.now, subject: subject,
        kind: .step(
          StepResult(
            step: step, outcome: result.outcome, detail: hook.command.visible.shortened(to: 400),
            duration: .now - started, stdout: result.stdout, stderr: result.stderr))))
    return result.outcome
  }
}
