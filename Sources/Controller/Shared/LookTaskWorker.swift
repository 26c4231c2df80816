#if PostgreSQL
  import Fleet
  import Storage
  import System

  /// Looks at hosts that the leader has handed out.
  struct LookTaskWorker: Sendable {
    let controller: Controller
    let stop: StopSignal
    let bell = Doorbell()
    /// How often it is asked whether there is something to take, where nobody rings.
    private static let patience = Duration.seconds(2)
    /// So many tasks at the same time are as many hosts as one controller alone looks at.
    private static let atOnce = Controller.hostsAtOnce / Controller.hostsOfALook

    /// What all looks go by that were handed out together.
    private struct Basis: Sendable {
      let looking: Looking
      let lineages: Set<Lineage.Name>?
      let hosts: [Host.Name: Host]

      init(_ controller: Controller, _ lineages: Set<Lineage.Name>?) async throws {
        self.lineages = lineages
        looking = try await Looking(controller, only: lineages)
        hosts = Dictionary(
          try await controller.store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
      }
    }

    /// Takes looks and carries them out, until the task is cancelled or a stop is requested.
    func run() async {
      var basis: Basis?
      while !stop.isRequested, !Task.isCancelled {
        do {
          let tasks = try await controller.store.takeLooks(atMost: Self.atOnce)
          if let first = tasks.first {
            // All hosts are read once for all tasks, and not for each.
            if basis?.lineages != first.lineages { basis = nil }
            if basis == nil { basis = await made(first.lineages) }
            await withDiscardingTaskGroup { [basis] group in
              for task in tasks { group.addTask { await carryOut(task, basis) } }
            }
            continue
          }
        } catch { DebugLog.write("no look is taken: \(error)") }
        basis = nil
        await bell.wait(for: Self.patience)
      }
    }

    /// `nil` where the state cannot be read: what was taken ends without a look, since the leader waits for it.
    private func made(_ lineages: Set<Lineage.Name>?) async -> Basis? {
      do { return try await Basis(controller, lineages) } catch {
        DebugLog.write("nothing can be looked at: \(error)")
        return nil
      }
    }

    private func carryOut(_ task: Store.LookTask, _ basis: Basis?) async {
      var outcome = LookOutcome()
      do {
        let hosts = task.hosts.compactMap { basis?.hosts[$0] }
        if let basis, !hosts.isEmpty {
          outcome = LookOutcome(try await controller.keep(try await basis.looking.run(at: hosts)))
        }
      } catch { DebugLog.write("\(HostSet.folded(task.hosts)): nothing was looked at: \(error)") }
      do { try await controller.store.endLook(task, result: outcome) } catch {
        DebugLog.write("what was seen is kept and not told: \(error)")
      }
    }
  }

  extension Controller {
    /// Hosts that one task of looks has.
    static let hostsOfALook = 25
    private static let betweenAsking = Duration.milliseconds(250)
    /// After so long without a result what nobody has taken is left to another run: who reaches it may be on the way to its end.
    private static let patienceWithOthers = Duration.seconds(60)

    /// Looks at hosts, each by a controller that reaches it; the leader's. Where no other one is at work it looks itself.
    func lookTogether(
      at hosts: [Host], only lineages: Set<Lineage.Name>?, stop: StopSignal
    ) async throws -> LookOutcome {
      guard isShared, try await store.controllers().count(where: { $0.isLiving && $0.takesPart }) > 1 else {
        return LookOutcome(try await look(at: hosts.filter(reaches), only: lineages))
      }
      let tasks = Dictionary(grouping: hosts, by: \.site).flatMap { site, hosts in
        stride(from: 0, to: hosts.count, by: Self.hostsOfALook).map {
          (hosts: hosts[$0...].prefix(Self.hostsOfALook).map(\.name), site: site)
        }
      }
      try await store.handOutLooks(tasks, at: lineages)
      var (outcome, lastResult) = (LookOutcome(), ContinuousClock.now)
      while true {
        let done = try await store.collectLooks(as: LookOutcome.self)
        for result in done.results { outcome.add(result) }
        if done.left == 0 { return outcome }
        if !done.results.isEmpty { lastResult = .now }
        if .now - lastResult > Self.patienceWithOthers { try await store.withdrawLooks(thatNobodyHas: true) }
        guard try await stop.sleep(for: Self.betweenAsking) else {
          try await store.withdrawLooks(thatNobodyHas: false)
          return outcome
        }
      }
    }

    /// Those that are served by this controller, or by another one that is at work.
    func servedSites() async throws -> Set<String> {
      guard isShared else { return [] }
      return try await store.controllers().filter { $0.isLiving && $0.takesPart }
        .reduce(configuration.sites) { $0.union($1.sites) }
    }
  }
#endif
