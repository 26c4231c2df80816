#if PostgreSQL
  import Engine
  import Fleet
  import Foundation
  import Synchronization
  import System
  import Testing
  import ThrowawayFleet
  import struct Fleet.Host

  @testable import Controller
  @testable import Storage

  /// Random plans over several controllers that share a database: each may be killed, or be taken for dead and go on talking.
  @Suite struct SharedModelTests {
    private static let seeds: [UInt64] =
      ProcessInfo.processInfo.environment["CERTFLEET_MODEL_SEED"].flatMap(UInt64.init).map { [$0] }
      ?? (0..<(ProcessInfo.processInfo.environment["CERTFLEET_MODEL_RUNS"].flatMap(Int.init) ?? 60)).map {
        _ in
        UInt64.random(in: 0...UInt64.max)
      }

    @Test func `whatever befalls several controllers, it holds what holds for one`() async throws {
      let server = try await PostgreSQLServer()
      var (scratch, database) = (try ScratchFolder(), DatabaseLocation.file)
      var (tally, lost, killed) = ([String: Int](), 0, 0)
      for (number, seed) in Self.seeds.enumerated() {
        // The whole log is proven after each.
        if number.isMultiple(of: 20) {
          (scratch, database) = (try ScratchFolder(), try DatabaseLocation(try await server.makeDatabase()))
        }
        let result = try await SharedModelRun(seed: seed, in: scratch.path, database).carryOut()
        tally[result.state.words, default: 0] += 1
        lost += result.lost
        killed += result.killed
        #expect(result.faults.isEmpty, "seed \(seed): \(result.faults.joined(separator: "; "))")
        if !result.faults.isEmpty { break }
      }
      let ends = tally.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
      print(
        "the model ran \(Self.seeds.count) rollouts over three controllers, of which \(killed) were killed and \(lost) taken for dead: \(ends)"
      )
    }
  }

  extension SharedModelTests {
    private struct Unreadable: Error {}

    @Test func `where nobody can read how hosts are reached, the run ends with the reason`() async throws {
      let (server, scratch) = (try await PostgreSQLServer(), try ScratchFolder())
      let database = try DatabaseLocation(try await server.makeDatabase())
      let store = try Store(home: try StateDirectory(path: scratch.path + "/state", database: database))
      var random = SeededRandom(seed: 1)
      let plan = ModelPlan.make(&random)
      let id = try await store.plan(plan, now: Date(timeIntervalSince1970: 1_800_000_000))
      let world = ModelWorld(store: store, random: random, trouble: 0, isSteered: false)
      let session = try await store.join(name: "c", sites: [], process: "", takesPart: true)
      _ = try await store.takeLease(session)
      let worker = VisitTaskWorker(store, stop: StopSignal(), patience: .milliseconds(5)) {
        throw Unreadable()
      }
      let carrier = VisitTaskCarrier(
        store, worker, world.ports(StopSignal()), interval: .milliseconds(5)
      ) { _ in }
      worker.report(to: carrier)
      let work = Task { await worker.run() }
      await #expect(throws: Unreadable.self) {
        try await RolloutRunner(id, plan: plan, ports: world.ports(StopSignal(), carrier)).run()
      }
      work.cancel()
      await work.value
      try await store.leave(session)
    }
  }

  private struct SharedModelRun {
    private let folder: String
    private let database: DatabaseLocation
    private let plan: Plan
    private var random: SeededRandom
    private let trouble: Int

    struct Result {
      var state: RolloutState
      var killed = 0
      var lost = 0
      var faults: [String]
    }

    init(seed: UInt64, in folder: String, _ database: DatabaseLocation) {
      (self.folder, self.database) = (folder, database)
      random = SeededRandom(seed: seed)
      trouble = random.one(of: [0, 10, 30, 60])
      plan = ModelPlan.make(&random)
    }

    /// One process of a controller, until it is killed.
    private struct Process {
      let store: Store
      let world: ModelWorld
      let session: ControllerSession
      let worker: VisitTaskWorker
      let ports: Ports
      let work: Task<Void, Never>

      init(_ number: Int, _ home: StateDirectory, _ world: ModelWorld) async throws {
        store = try Store(home: home)
        self.world = ModelWorld(world, store: store)
        session = try await store.join(name: "c\(number)", sites: [], process: "", takesPart: true)
        ports = self.world.ports(StopSignal())
        let worker = VisitTaskWorker(store, stop: StopSignal(), patience: .milliseconds(5)) { [ports] in ports
        }
        self.worker = worker
        work = Task { await worker.run() }
      }

      /// Nobody has heard of it for long; it may not know that.
      func isTakenForDead() async throws { try await store.forget(session) }

      func end() async {
        work.cancel()
        await work.value
      }
    }

    func carryOut() async throws -> Result {
      var random = random
      let homes = try (1...3).map { number in
        let home = try StateDirectory(path: "\(folder)/state\(number)", database: database)
        if number > 1 {
          let (key, copy) = (folder + "/state1/sealing.key", "\(folder)/state\(number)/sealing.key")
          if !FileManager.default.fileExists(atPath: copy) {
            try FileManager.default.copyItem(atPath: key, toPath: copy)
          }
        } else {
          _ = try Store(home: home)
        }
        return home
      }
      let first = try Store(home: homes[0])
      let id = try await first.plan(plan, now: Date(timeIntervalSince1970: 1_800_000_000))
      let world = ModelWorld(store: first, random: random, trouble: trouble, isSteered: random.chance(30))
      let elsewhere = Set(plan.visits.map(\.host.name).filter { _ in random.chance(trouble / 4) })
      world.with { $0.elsewhere = elsewhere }
      var processes: [Process] = []
      for (number, home) in homes.enumerated() { processes.append(try await Process(number, home, world)) }
      var result = Result(state: .planned, faults: [])
      for _ in 1...200 {
        for process in processes {
          let left = random.chance(25) ? random.number(below: 40) : nil
          process.world.eventsLeft.withLock { $0 = left }
        }
        let index = random.number(below: 3)
        let leader = processes[index]
        guard case .taken = try await leader.store.takeLease(leader.session) else {
          // Whoever has it lives, and does nothing: it is taken for dead.
          for process in processes { try await process.isTakenForDead() }
          try await replace(&processes, Array(0..<3), homes, world)
          continue
        }
        let carrier = VisitTaskCarrier(leader.store, leader.worker, leader.ports, interval: .milliseconds(5))
        { _ in }
        leader.worker.report(to: carrier)
        // One is taken for dead in the middle of it, and goes on.
        let zombie = random.chance(20) ? random.number(below: 3) : nil
        let after = random.number(below: 60)
        let other = processes[(index + 1) % 3]
        let doom = Task { [processes, plan] in
          guard let zombie else { return }
          try await Task.sleep(for: .milliseconds(after))
          try await processes[zombie].isTakenForDead()
          // Another one leads in its place, while it goes on.
          guard zombie == index, case .taken = try await other.store.takeLease(other.session) else { return }
          let carrier = VisitTaskCarrier(other.store, other.worker, other.ports, interval: .milliseconds(5)) {
            _ in
          }
          other.worker.report(to: carrier)
          let ports = other.world.ports(StopSignal(), carrier)
          _ = try await RolloutRunner(id, plan: plan, ports: ports).run()
        }
        do {
          let ports = leader.world.ports(StopSignal(), carrier)
          let state = try await RolloutRunner(id, plan: plan, ports: ports).run()
          _ = await doom.result
          if state.isEnd { break }
          try await leader.world.giveWhatItWaitsFor(id, plan)
          try await leader.store.giveUpLease(leader.session)
        } catch is ModelWorld.Killed { result.killed += 1 } catch is LeaseLost { result.lost += 1 }
        _ = await doom.result
        // Those that were killed, and those that are taken for dead, begin anew.
        var gone: [Int] = []
        for (index, process) in processes.enumerated() {
          let isKilled = process.world.eventsLeft.withLock { $0.map { $0 < 0 } ?? false }
          let isForgotten = try await !process.store.isHeardOf(process.session)
          if isKilled || isForgotten { gone.append(index) }
        }
        if gone.isEmpty {
          try? await leader.store.giveUpLease(leader.session)
        } else {
          try await replace(&processes, gone, homes, world)
        }
      }
      for process in processes { await process.end() }
      for process in processes { try? await process.store.leave(process.session) }
      let store = try Store(home: homes[0])
      var check = ModelCheck(id: id, plan: plan)
      check.look(
        at: try await store.events(.init(rollout: id)).map(\.event), stored: try await store.ledger(of: id),
        world)
      result.state = try await store.state(of: id)
      result.faults = check.faults
      if try await store.verifyLog().firstAltered != nil { result.faults.append("the log was altered") }
      return result
    }

    private func replace(
      _ processes: inout [Process], _ gone: [Int], _ homes: [StateDirectory], _ world: ModelWorld
    ) async throws {
      for index in gone {
        try await processes[index].isTakenForDead()
        processes[index].world.eventsLeft.withLock { $0 = -1 }
        await processes[index].end()
        processes[index] = try await Process(index, homes[index], world)
      }
    }
  }

  extension Store {
    fileprivate func forget(_ session: ControllerSession) throws {
      try database.run(
        "UPDATE session SET seen_at = seen_at - interval '1 hour' WHERE number = ?",
        [.integer(session.number)])
    }

    fileprivate func isHeardOf(_ session: ControllerSession) throws -> Bool {
      try !database.rows(
        "SELECT 1 FROM session WHERE number = ? AND seen_at > clock_timestamp() - interval '1 minute'",
        [.integer(session.number)]
      ) { _ in true }.isEmpty
    }
  }
#endif
