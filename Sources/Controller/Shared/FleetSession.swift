import Fleet
import FoundationEssentials
import Planning
import Reporting
import Storage
import System

#if PostgreSQL
  /// A controller at work among others: it says that it lives until it is done.
  struct FleetSession: Sendable {
    let session: ControllerSession
    private let store: Store
    private let heartbeat: Heartbeat?

    /// - Parameter takesPart: whether it carries out visits that others hand out, beside what it does itself.
    init(_ controller: Controller, takesPart: Bool) async throws {
      let (store, configuration) = (controller.store, controller.configuration)
      self.store = store
      let session = try await store.join(
        name: configuration.name.isEmpty ? ProcessInfo.processInfo.hostName : configuration.name,
        sites: configuration.sites, process: ControllerLease.holder, takesPart: takesPart)
      self.session = session
      heartbeat = await store.keepAlive(session)
    }

    func end() async throws {
      heartbeat?.stop()
      let roundTrips = await store.roundTrips
      DebugLog.write("the database was waited for \(roundTrips) times")
      try await store.leave(session)
    }
  }

  extension Controller {
    /// Does what one controller alone may do at a time.
    func leading<Value>(_ work: () async throws -> Value) async throws -> Value {
      let session = try await FleetSession(self, takesPart: false)
      do {
        if case .held(let other) = try await store.takeLease(session.session) {
          throw ControllerLease.Held(by: "controller \(other)")
        }
        let value = try await work()
        try await session.end()
        return value
      } catch {
        try? await session.end()
        throw error
      }
    }

    /// Leads a run. Where another controller leads one, this one carries out what that hands out until it has ended, or is lost, and leads
    /// its own then.
    func shareRun(_ request: RunRequest, stop: StopSignal) async throws -> RunResult {
      let lease = try lease()
      defer { withExtendedLifetime(lease) {} }
      let session = try await FleetSession(self, takesPart: true)
      do {
        let result = try await takePart(in: request, session.session, stop)
        try await session.end()
        return result
      } catch {
        try? await session.end()
        throw error
      }
    }

    private func takePart(
      in request: RunRequest, _ session: ControllerSession, _ stop: StopSignal
    ) async throws -> RunResult {
      try await working(stop) { try await leadOrFollow(request, session, $0, stop) }
    }

    /// Carries out what is handed to this controller, beside something else.
    func working<Value>(
      _ stop: StopSignal, _ body: (VisitTaskWorker) async throws -> Value
    ) async throws -> Value {
      let worker = VisitTaskWorker(store, try await ports(stop: stop))
      let looks = LookTaskWorker(controller: self, stop: stop)
      let listener = await store.listen(to: NotificationChannel.work) {
        Task {
          await worker.bell.ring()
          await looks.bell.ring()
        }
      }
      defer { withExtendedLifetime(listener) {} }
      let work = [Task { await worker.run() }, Task { await looks.run() }]
      func end() async {
        for one in work { one.cancel() }
        // Whoever waits for something to do looks up.
        await worker.bell.ring()
        await looks.bell.ring()
        for one in work { await one.value }
      }
      do {
        let value = try await body(worker)
        await end()
        return value
      } catch {
        await end()
        throw error
      }
    }

    func lead(
      _ request: RunRequest, _ worker: VisitTaskWorker, _ stop: StopSignal
    ) async throws -> RunResult {
      let carrier = VisitTaskCarrier(store, worker, try await ports(stop: stop), tell: tell)
      worker.report(to: carrier)
      return try await run(request, stop: stop, carrier: carrier)
    }

    private func leadOrFollow(
      _ request: RunRequest, _ session: ControllerSession, _ worker: VisitTaskWorker, _ stop: StopSignal
    ) async throws -> RunResult {
      var isFollowing = false
      let answers = try await SharedAnswers(of: self)
      defer { answers.close() }
      while true {
        switch try await store.takeLease(session) {
        case .taken(let wasLeft):
          // What this one is for may be another matter than what the one that led was for; mostly nothing is left to do.
          if isFollowing, wasLeft { tell(.takesLead) }
          answers.close()
          do { return try await lead(request, worker, stop) } catch let error as LeaseLost {
            DebugLog.write("\(error)")
            isFollowing = false
          }
        case .held(let other):
          if !isFollowing {
            isFollowing = true
            tell(.takesPart(leader: other))
            answers.open()
            try await lookAtOwnSites(request)
          }
          if stop.isRequested { return try await sharedResult(stop) }
          _ = try? await stop.sleep(for: .seconds(1))
        }
      }
    }

    /// What the leader does not reach is looked at by who does.
    private func lookAtOwnSites(_ request: RunRequest) async throws {
      let hosts = try await visitableHosts(for: request)
      let due = try await hostsToLookAt(
        for: request, except: hosts.plannedWithout, sites: configuration.sites, now: Date()
      ).filter { $0.site != nil }
      if !due.isEmpty { _ = try await look(at: due, only: request.only) }
    }

    private func sharedResult(_ stop: StopSignal) async throws -> RunResult {
      let report = try await report()
      return RunResult(
        outcome: report.shortfalls.contains(where: \.isSerious) ? .failed : .converged,
        wasInterrupted: stop.isRequested, hadNothingToDo: false, report: report, unfinished: [])
    }

    /// Hosts whose site no controller serves that is at work.
    func hostsOfDeadSites(for request: RunRequest) async throws -> [HostLeftOut] {
      guard isShared else { return [] }
      let served = try await servedSites()
      let lineages = try await store.lineages()
      return try await store.hosts().compactMap { host in
        guard let site = host.site, !served.contains(site), request.plan.hosts?.contains(host.name) ?? true,
          lineages.contains(where: { request.only?.contains($0.name) ?? true && $0.goes(to: host) })
        else { return nil }
        return HostLeftOut(
          host.name, .refused("no controller that is at work serves site \(site); see: certfleet controllers")
        )
      }
    }
  }
#else
  extension Controller {
    func leading<Value>(_ work: () async throws -> Value) async throws -> Value { try await work() }
    func shareRun(_ request: RunRequest, stop: StopSignal) async throws -> RunResult {
      try await leased { try await run(request, stop: stop, carrier: nil) }
    }
    func hostsOfDeadSites(for request: RunRequest) async throws -> [HostLeftOut] { [] }
    func servedSites() async throws -> Set<String> { [] }
    func lookTogether(
      at hosts: [Host], only lineages: Set<Lineage.Name>?, stop: StopSignal
    ) async throws -> LookOutcome { LookOutcome(try await look(at: hosts, only: lineages)) }
  }
#endif
