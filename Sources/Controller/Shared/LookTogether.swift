#if PostgreSQL
  import Fleet
  import Storage
  import System

  /// Hosts of one site that are looked at together.
  struct LookTask: Sendable, Codable {
    let hosts: [Host.Name]
    /// `nil` is all.
    let lineages: Set<Lineage.Name>?
  }

  /// The leader's side of looks: handed out, and collected.
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
          let names = hosts[$0...].prefix(Self.hostsOfALook).map(\.name)
          return (site: site, work: LookTask(hosts: names, lineages: lineages))
        }
      }
      try await store.withdrawSiteTasks(.look)
      try await store.handOut(.look, tasks)
      var (outcome, lastResult) = (LookOutcome(), ContinuousClock.now)
      while true {
        let done = try await store.collectSiteTasks(.look, as: LookOutcome.self)
        for result in done.results.values { outcome.add(result) }
        if done.left.isEmpty { return outcome }
        if !done.results.isEmpty { lastResult = .now }
        if .now - lastResult > Self.patienceWithOthers {
          try await store.withdrawSiteTasks(.look, thatNobodyHas: true)
        }
        guard try await stop.sleep(for: Self.betweenAsking) else {
          try await store.withdrawSiteTasks(.look)
          return outcome
        }
      }
    }
  }
#endif
