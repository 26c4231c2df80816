import Fleet
import FoundationEssentials
import Planning
import System

extension RolloutRunner {
  /// A bake that takes longer is waited for by the next run, so that this one does not keep others from theirs.
  private static let patience = 900.0

  /// One step forward.
  ///
  /// - Returns: whether there is a next one.
  func advance() async throws -> Bool {
    let orders = try await ports.instructions.instructions(for: rollout)
    let waves = try await ledger(\.waves)
    let index = waves.firstIndex { $0.state != .passed }
    if stop.isRequested { return false }
    if orders.cancelledBy != nil || orders.pausedBy != nil, let index, waves[index].state == .running {
      try await abandon(index)
    }
    if let person = orders.cancelledBy {
      let left = try await notStarted()
      try await record(.rolloutMoved(.halting, reason: "cancelled by \(person)\(left)"))
      return true
    }
    if let person = orders.pausedBy { return try await pause(because: RolloutWait.person(person).words) }
    guard let index else {
      try await finish()
      return true
    }
    switch waves[index].state {
    case .pending, .gated, .draining: return try await pass(to: index, waves[index].state, orders)
    case .running:
      // Begun in its window, and cut off: what is left of it waits for the next one.
      if case .closed(let reason) = Gate.window(of: plan, at: ports.time.now, orders: orders) {
        try await abandon(index)
        return try await pause(because: reason)
      }
      return try await visitHosts(of: index)
    case .baking: return try await bake(index, since: waves[index].since ?? ports.time.now)
    case .verifying: return try await lookAgain(index)
    case .failed, .reverting, .reverted, .revertFailed, .passed:
      let left = try await notStarted()
      try await record(
        .rolloutMoved(.halting, reason: "wave \(index + 1) failed: \(waves[index].reason)\(left)"))
      return true
    }
  }

  /// What the rollout still waits for; `nil` when it can go on.
  func wait(_ orders: OperatorInstructions) async throws -> RolloutWait? {
    let now = ports.time.now
    let wait = try await ledger { RolloutWait(of: plan, at: $0, orders, now: now) }
    // A short bake is waited for.
    if case .bake(_, let end) = wait, end.timeIntervalSince(now) <= Self.patience { return nil }
    return wait
  }

  private func gates(_ index: Int, _ state: WaveState, _ orders: OperatorInstructions) -> [Gate.Answer] {
    let window = Gate.window(of: plan, at: ports.time.now, orders: orders)
    guard state == .pending || state == .gated else { return [window] }
    return [Gate.approval(plan.waves[index], number: index + 1, orders: orders), window]
  }

  /// Through the gates before a wave, or to a pause.
  private func pass(to index: Int, _ state: WaveState, _ orders: OperatorInstructions) async throws -> Bool {
    for answer in gates(index, state, orders) {
      switch answer {
      case .open: continue
      case .overridden(let why): try await record(.note(.overridden, text: why), wave: index + 1)
      case .closed(let reason):
        if state == .pending { try await record(.waveMoved(.gated, reason: reason), wave: index + 1) }
        return try await pause(because: reason)
      }
    }
    try await record(.waveStarted(hosts: try await members(of: index).count), wave: index + 1)
    return true
  }

  private func visitHosts(of index: Int) async throws -> Bool {
    var admission = VisitAdmission(runner: self, index: index)
    var hosts = try await ledger {
      $0.members(of: index + 1, in: plan) + $0.substitutes(for: index + 1, in: plan)
    }
    var troubles: [String] = []
    while !hosts.isEmpty {
      let trouble = try await visit(hosts, of: index, &admission)
      if !trouble.isEmpty { troubles.append(trouble) }
      guard try await admission.allows(after: nil) else { break }
      hosts = try await ledger { $0.substitutes(for: index + 1, in: plan) }
    }
    return try await judge(index, trouble: troubles.joined(separator: "; "))
  }

  func members(of index: Int) async throws -> [PlannedVisit] {
    try await ledger { $0.members(of: index + 1, in: plan) }
  }

  /// - Returns: what is not as it should be beside the hosts; empty when all is well.
  private func visit(
    _ hosts: [PlannedVisit], of index: Int, _ admission: inout VisitAdmission
  ) async throws -> String {
    let (wave, number) = (plan.waves[index], index + 1)
    let hooks = WaveHooks(rollout: rollout, wave: number, visits: hosts, ports: ports)
    let held = try await hooks.before()
    let left = try await ledger { $0.left(of: hosts) }
    for visit in try await visits(left.filter { held[$0.host.name] != nil }, wave: number) {
      try await visit.refuse(because: held[visit.host.name] ?? "")
    }
    var queue = VisitQueue(
      try await visits(left.filter { held[$0.host.name] == nil }, wave: number),
      width: wave.rule.parallel ?? plan.policy.parallel, limits: plan.policy.limits, shared: limits)
    try await queue.run(
      { try await ports.carryOut(VisitAssignment($0, .visit)) },
      mayBegin: { try await admission.allows(after: $0) },
      mayStillBegin: { try await VisitAdmission.allowsNow(self, index) })
    return try await hooks.after()
  }

  /// A wave that a crash cut off and that does not go on: its hooks on the controller are owed all the same.
  func abandon(_ index: Int) async throws {
    let hosts = try await ledger {
      $0.members(of: index + 1, in: plan) + $0.substitutes(for: index + 1, in: plan)
    }
    let hooks = WaveHooks(rollout: rollout, wave: index + 1, visits: hosts, ports: ports)
    try await record(.waveMoved(.draining, reason: try await hooks.after()), wave: index + 1)
  }

  /// After the visits of a wave: what comes next.
  private func judge(_ index: Int, trouble: String) async throws -> Bool {
    let (wave, number) = (plan.waves[index], index + 1)
    let members = try await members(of: index)
    let budget = Budget(ofWave: number, in: plan)
    if let reason = try await broken(index) {
      try await record(.waveEnded(.failed, reason: reason), wave: number)
      return true
    }
    if let reason = try await stillUnknown(of: members) {
      try await record(.waveMoved(.draining, reason: reason), wave: number)
      return try await pause(because: reason)
    }
    let undecided = try await ledger { ledger in
      ledger.hosts(of: members) { $0 == .inconclusive }.first.map {
        ($0.host.name, ledger.visits[$0.host.name]?.reason ?? "")
      }
    }
    if let (host, why) = undecided {
      try await record(.waveMoved(.draining, reason: why), wave: number)
      return try await pause(because: "\(host): \(why)")
    }
    // One that was lost sight of was not reached, after all; or somebody wants the rollout to wait.
    if try await ledger({ !$0.substitutes(for: number, in: plan).isEmpty }) { return true }
    if try await !ledger({ $0.left(of: members).isEmpty }) {
      // Whatever stopped it is looked at in the next step.
      try await record(.waveMoved(.draining, reason: trouble), wave: number)
      return true
    }
    let ends = try await ledger { $0.ends(of: members) }
    if let reason = budget.brokenAtEnd(by: ends, placedIsEnough: placedIsEnough(from: index)) {
      try await record(.waveEnded(.failed, reason: reason), wave: number)
    } else if wave.rule.bake > .zero {
      let end = bakeEnd(index, since: ports.time.now)
      let reason = (trouble.isEmpty ? "" : trouble + "; ") + "until \(end.ISO8601Format())"
      try await record(.waveMoved(.baking, reason: reason), wave: number)
    } else {
      try await record(.waveEnded(.passed, reason: trouble), wave: number)
    }
    return true
  }

  /// A wave cannot pass while nobody knows how a visit ended: its host is asked once more.
  ///
  /// - Returns: which hosts are not known still; `nil` where all are.
  func stillUnknown(of members: [PlannedVisit]) async throws -> String? {
    func unknown() async throws -> Set<Host.Name> {
      try await ledger { ledger in Set(ledger.hosts(of: members) { $0 == .unknown }.map(\.host.name)) }
    }
    let first = try await unknown()
    guard !first.isEmpty else { return nil }
    if !stop.isRequested {
      let open = try await ledger(\.open).filter { first.contains($0.key) }
      try await Recovery(plan: plan, rollout: rollout, ports: ports).learn(open)
    }
    let left = try await unknown().sorted().map(\.rawValue).joined(separator: ", ")
    return left.isEmpty ? nil : "nobody knows how the visit ended: \(left)"
  }

  /// Why the wave, or the rollout with it, has more trouble than it may have.
  func broken(_ index: Int) async throws -> String? {
    let (ends, all) = try await ledger {
      ($0.ends(of: $0.members(of: index + 1, in: plan)), $0.ends(of: plan.visits))
    }
    return Budget(ofWave: index + 1, in: plan).broken(by: ends)
      ?? Budget(of: plan).broken(by: all)
  }

  /// Whether no host of this wave or of those after it is served by us already: then nobody can be a canary but a host that is
  /// placed.
  func placedIsEnough(from index: Int) -> Bool {
    plan.waves[index...].allSatisfy { wave in
      wave.visits.allSatisfy { $0.certificates.allSatisfy { $0.replaces == nil } }
    }
  }

  private func bakeEnd(_ index: Int, since: Date) -> Date {
    since.addingTimeInterval(plan.waves[index].rule.bake.seconds)
  }

  private func bake(_ index: Int, since: Date) async throws -> Bool {
    let end = bakeEnd(index, since: since)
    let left = end.timeIntervalSince(ports.time.now)
    if left <= 0 {
      try await record(.waveMoved(.verifying, reason: ""), wave: index + 1)
    } else if left > Self.patience {
      return try await pause(because: RolloutWait.bake(wave: index + 1, until: end).words)
    } else {
      try await ports.time.pause(for: .seconds(min(left, 1)))
    }
    return true
  }

  private func finish() async throws {
    let ends = try await ledger { ledger in plan.visits.map { ledger.end(of: $0.host.name) } }
    let placed = ends.count { $0 == .placed }
    let bad = ends.count { $0?.account != .success } - placed
    var reasons: [String] = []
    if placed > 0 {
      reasons.append(
        "on \(placed) of \(plan.hostCount) hosts the certificate is installed and another is served still")
    }
    if bad > 0 {
      reasons.append("\(bad) of \(plan.hostCount) hosts did not get there; later runs try them again")
    }
    try await end(reasons.isEmpty ? .succeeded : .partial, because: reasons.joined(separator: "; "))
  }
}
