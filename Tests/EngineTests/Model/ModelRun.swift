import Engine
import Fleet
import Foundation
import Planning
import Storage
import Synchronization
import System
import struct Fleet.Host

/// One random rollout from its plan to its end, over as many controllers as it takes.
struct ModelRun {
  private let home: StateDirectory
  private let plan: Plan
  private var random: SeededRandom
  private let trouble: Int

  struct Result {
    var state: RolloutState
    var crashes: Int
    var faults: [String]
  }

  init(seed: UInt64, home: StateDirectory) {
    self.home = home
    random = SeededRandom(seed: seed)
    trouble = random.one(of: [0, 10, 30, 60])
    plan = ModelPlan.make(&random)
  }

  /// More controllers than this are not needed by any rollout that ends.
  private static let mostControllers = 200

  func carryOut() async throws -> Result {
    var random = random
    var store = try Store(home: home)
    let id = try await store.plan(plan, now: Date(timeIntervalSince1970: 1_800_000_000))
    var world = ModelWorld(store: store, random: random, trouble: trouble, isSteered: random.chance(30))
    let elsewhere = Set(plan.visits.map(\.host.name).filter { _ in random.chance(trouble / 4) })
    world.with { $0.elsewhere = elsewhere }
    var crashes = 0
    for _ in 1...Self.mostControllers {
      let eventsLeft = random.chance(40) ? random.number(below: 60) : nil
      world.eventsLeft.withLock { $0 = eventsLeft }
      let stop = StopSignal()
      world.with { $0.interrupt = random.chance(10) ? (stop, random.number(below: 60)) : nil }
      let runner = RolloutRunner(id, plan: plan, ports: world.ports(stop))
      do {
        let state = try await runner.run()
        if state.isEnd { break }
        try await world.giveWhatItWaitsFor(id, plan)
      } catch is ModelWorld.Killed {
        crashes += 1
        // Another process: another connection, and nothing remembered.
        store = try Store(home: home)
        world = world.afterCrash(store, seed: random.next())
      }
    }
    var check = ModelCheck(id: id, plan: plan)
    let events = try await store.events(.init(rollout: id)).map(\.event)
    if ProcessInfo.processInfo.environment["CERTFLEET_MODEL_SEED"] != nil {
      for event in events { print(event.subject, event.kind) }
    }
    check.look(at: events, stored: try await store.ledger(of: id), world)
    return Result(state: try await store.state(of: id), crashes: crashes, faults: check.faults)
  }
}

extension ModelWorld {
  /// Somebody approves, somebody lets it go on, and time passes.
  func giveWhatItWaitsFor(_ id: Rollout.ID, _ plan: Plan) async throws {
    for (index, wave) in plan.waves.enumerated() where wave.rule.needsApproval {
      try await say(.approve(wave: index + 1, planHash: ""), to: id)
    }
    try await say(.resume, to: id)
    await pause(for: .seconds(3600))
  }

  /// What is outside the controller goes on as it was.
  func afterCrash(_ store: Store, seed: UInt64) -> ModelWorld {
    let old = with { $0 }
    let world = ModelWorld(
      store: store, random: SeededRandom(seed: seed), trouble: old.trouble, isSteered: old.isSteered)
    world.with { state in
      (state.hosts, state.clock, state.uptime) = (old.hosts, old.clock, old.uptime)
      (state.faults, state.hooks, state.elsewhere) = (old.faults, old.hooks, old.elsewhere)
    }
    return world
  }
}

enum ModelPlan {
  static func make(_ random: inout SeededRandom) -> Plan {
    let hooks = Hooks(
      pre: random.chance(40) ? [Hook(command: "pre", place: .controller)] : [],
      post: [Hook(command: "post", place: .controller)])
    let verify =
      random.chance(50)
      ? [
        Verification(
          .tls(TLSQuestion(port: 443, address: nil, serverName: "x", startTLS: nil)), from: .controller)
      ]
      : []
    var policy = RolloutPolicy(
      name: "p", waves: [], parallel: random.number(below: 5) + 1,
      maxFailed: random.one(of: [.count(0), .count(1), .percent(30)]),
      maxUnreachable: random.one(of: [.count(0), .count(2), .percent(50)]))
    policy.onFailure = random.one(of: FailureReaction.allCases)
    policy.hooks = random.chance(30) ? hooks : Hooks()
    if random.chance(30) { policy.limits = [ParallelLimit(random.number(below: 2) + 1, .per(label: "rack"))] }
    var number = 0
    let waves = (0..<(random.number(below: 4) + 1)).map { _ in
      let visits = (0..<(random.number(below: 5) + 1)).map { _ in
        number += 1
        let former = PlannedCertificate.Former(
          generation: Generation(1), fingerprint: "g1", servesUntil: .distantFuture)
        let certificate = PlannedCertificate(
          lineage: "x", generation: Generation(2), fingerprint: "g2", domains: ["x"], hooks: hooks,
          verify: verify, replaces: random.chance(80) ? former : nil)
        return PlannedVisit(
          // Without the script before it, a request is read faster.
          host: Host(
            name: Host.Name("h\(number)"), address: "a", hasAgent: true, labels: ["rack": "r\(number % 3)"]),
          certificates: [certificate])
      }
      return PlannedWave(
        visits,
        by: WaveRule(
          take: random.chance(50) ? .count(visits.count) : .rest,
          bake: random.one(of: [.zero, .seconds(30), .seconds(7200)]),
          needsApproval: random.chance(20)))
    }
    return Plan(policy: policy, waves: waves)
  }
}
