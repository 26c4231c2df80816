import Fleet

/// Hooks on the controller, once beside a wave: a load balancer drained before its first host, and filled again after
/// its last, whatever became of them.
struct WaveHooks: Sendable {
  let rollout: Rollout.ID
  /// From 1.
  let wave: Int
  let visits: [PlannedVisit]
  var action = HookAction.deploy
  let ports: Ports

  /// - Returns: the hosts whose hook failed, which therefore must not be begun, and why.
  func before() async throws -> [Host.Name: String] {
    var held: [Host.Name: String] = [:]
    for (hook, hosts) in uses(of: .pre) {
      let outcome = try await run(hook, .pre, for: hosts)
      guard !outcome.isSuccess, hook.onFailure == .stop else { continue }
      let reason = "the controller's pre hook '\(hook.command.visible.shortened(to: 80))' failed: \(outcome)"
      for host in hosts { held[host.name] = reason }
    }
    return held
  }

  /// - Returns: why something is not as it should be; empty when all is well.
  func after() async throws -> String {
    var failures: [String] = []
    for (hook, hosts) in uses(of: .post) {
      let outcome = try await run(hook, .post, for: hosts)
      if !outcome.isSuccess {
        failures.append(
          "the controller's post hook '\(hook.command.visible.shortened(to: 80))' failed: \(outcome)")
      }
    }
    return failures.joined(separator: "; ")
  }

  /// Each hook once, with the hosts of the wave that it is declared for.
  private func uses(of moment: Hook.Moment) -> [(Hook, [Host])] {
    var uses: [(hook: Hook, hosts: [Host])] = []
    for visit in visits {
      for hook in visit.certificates.flatMap({ $0.hooks[moment] }) where hook.place == .controller {
        if let index = uses.firstIndex(where: { $0.hook == hook }) {
          if uses[index].hosts.last != visit.host { uses[index].hosts.append(visit.host) }
        } else {
          uses.append((hook, [visit.host]))
        }
      }
    }
    return uses
  }

  private func run(_ hook: Hook, _ moment: Hook.Moment, for hosts: [Host]) async throws -> Outcome {
    try await ControllerHook(hook: hook, step: moment == .pre ? .pre : .post, action: action, ports: ports)
      .run(
        environment: ControllerHook.hosts(hosts), subject: .init(rollout: rollout, wave: wave))
  }
}
