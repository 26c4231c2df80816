#if PostgreSQL
  import Controller
  import Engine
  import Fleet
  import Foundation
  import Storage
  import System

  /// One controller of several, in a process of its own; the first one leads.
  struct SimulatedController {
    let number: Int
    let folder: String
    let database: String
    let rollout: Rollout.ID
    /// How many there are.
    let count: Int

    func run() async throws {
      let home = try StateDirectory(path: "\(folder)/\(number)", database: try DatabaseLocation(database))
      let store = try Store(home: home)
      let session = try await store.join(name: "c\(number)", sites: [], process: "", takesPart: true)
      let heartbeat = await store.keepAlive(session)
      let ports = ports(store, nil)
      let worker = VisitTaskWorker(store, stop: StopSignal()) { ports }
      let listener = await store.listen([.visits: { Task { await worker.bell.ring() } }])
      let work = Task { await worker.run() }
      if number == 1 {
        try await lead(store, session, worker)
      } else {
        while try await !store.state(of: rollout).isEnd { try await Task.sleep(for: .seconds(1)) }
      }
      work.cancel()
      await work.value
      heartbeat?.stop()
      withExtendedLifetime(listener) {}
      print(await store.roundTrips)
      try await store.leave(session)
    }

    private func lead(_ store: Store, _ session: ControllerSession, _ worker: VisitTaskWorker) async throws {
      while try await store.controllers().count < count { try await Task.sleep(for: .milliseconds(50)) }
      guard case .taken = try await store.takeLease(session) else { return }
      let carrier = VisitTaskCarrier(store, worker, ports(store, nil)) { _ in }
      worker.report(to: carrier)
      let plan = try await store.rollout(rollout).plan
      let started = ContinuousClock.now
      let state = try await RolloutRunner(rollout, plan: plan, ports: ports(store, carrier)).run()
      print(state.rawValue, started.duration(to: .now) / .seconds(1))
      if state != .succeeded { print(try await store.ledger(of: rollout).reason) }
      for event in try await store.events(.init(host: "web1.eu.example.net")) { print(event.event.kind) }
    }

    private func ports(_ store: Store, _ carrier: (any VisitCarrier)?) -> Ports {
      let fleet = SimulatedFleet()
      return Ports(
        connector: fleet, probe: fleet, localHooks: fleet, materials: fleet,
        recorder: StoreRecorder(store: store) { _ in }, instructions: StoredInstructions(store: store),
        epoch: 1,
        carrier: carrier)
    }
  }
#endif
