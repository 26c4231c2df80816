#if PostgreSQL
  import Fleet
  import FoundationEssentials
  import Planning
  import Reporting
  import Storage
  import System

  /// A run where several controllers share the state: one leads it, the others carry out what it hands out.
  extension Controller {
    /// Leads a run. Where another controller leads one, this one carries out what that hands out until it has ended, or is lost, and leads
    /// its own then.
    func shareRun(_ request: RunRequest, stop: StopSignal) async throws -> RunResult {
      let lease = try lease()
      defer { withExtendedLifetime(lease) {} }
      return try await FleetSession.during(self, takesPart: true) { session in
        try await working(stop) { try await leadOrFollow(request, session.session, $0, stop) }
      }
    }

    func worker(_ stop: StopSignal) -> VisitTaskWorker {
      VisitTaskWorker(store, stop: stop) { try await ports(stop: stop) }
    }

    /// Gives visits to whoever takes them, and hears at once of those that the worker has ended.
    func carrier(for worker: VisitTaskWorker, _ stop: StopSignal) async throws -> VisitTaskCarrier {
      let carrier = VisitTaskCarrier(store, worker, try await ports(stop: stop), tell: tell)
      worker.report(to: carrier)
      return carrier
    }

    /// Carries out what is handed to this controller, beside something else.
    func working<Value>(
      _ stop: StopSignal, _ body: (VisitTaskWorker) async throws -> Value
    ) async throws -> Value {
      await store.heed(stop)
      let worker = worker(stop)
      let looks = LookTaskWorker(controller: self, stop: stop)
      let questions = HostTaskWorker(controller: self, stop: stop)
      let bells = [worker.bell, looks.bell, questions.bell]
      let listener = await store.listen([
        .visits: { Task { await worker.bell.ring() } }, .looks: { Task { await looks.bell.ring() } },
        .questions: { Task { await questions.bell.ring() } },
      ])
      defer { withExtendedLifetime(listener) {} }
      let work = [
        Task { await worker.run() }, Task { await looks.run() }, Task { await questions.run() },
      ]
      func end() async {
        for one in work { one.cancel() }
        // Whoever waits for something to do looks up.
        for bell in bells { await bell.ring() }
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
      try await run(request, stop: stop, carrier: try await carrier(for: worker, stop))
    }

    private func leadOrFollow(
      _ request: RunRequest, _ session: ControllerSession, _ worker: VisitTaskWorker, _ stop: StopSignal
    ) async throws -> RunResult {
      var isFollowing = false
      let answers = try await SharedAnswers(of: self)
      defer { answers.close() }
      while true {
        try await store.requireSession()
        // To try to take it keeps whoever has it from recording.
        if isFollowing, !stop.isRequested, try await store.leaseStanding(for: session) == .held {
          try await stop.sleep(for: .seconds(1))
          continue
        }
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
  }
#endif
