#if PostgreSQL
  package import Engine
  package import Fleet
  package import Storage
  import System

  /// Hands a rollout's visits out to all controllers that are at work, and learns how they ended.
  package actor VisitTaskCarrier: VisitCarrier {
    private let store: Store
    /// This controller's own, which is told at once.
    private let worker: VisitTaskWorker
    private let ports: Ports
    private let tell: Controller.Listener
    private let interval: Duration
    private var waiting: [VisitKey: Waiting] = [:]
    private var new: [VisitAssignment] = []
    private var isAsking = false
    /// Whether several visits were handed out together last.
    private var wasSeveral = false
    private static let mostFailures = 5
    private static let pace = Duration.milliseconds(20)
    private static let betweenVacuums = Duration.seconds(3)

    private struct Waiting {
      let assignment: VisitAssignment
      let done: CheckedContinuation<VisitEnd?, any Error>
      var isHandedOut = false
      /// How often this controller could not go on with it.
      var failures = 0
      /// Since when nobody is there who could take it.
      var isOrphanSince: ContinuousClock.Instant?
    }

    /// - Parameters:
    ///   - tell: hears what others have recorded.
    ///   - interval: how often it is asked what has become of visits that others have.
    package init(
      _ store: Store, _ worker: VisitTaskWorker, _ ports: Ports, interval: Duration = .milliseconds(200),
      tell: @escaping Controller.Listener
    ) {
      (self.store, self.worker, self.ports) = (store, worker, ports)
      (self.tell, self.interval) = (tell, interval)
    }

    package func carryOut(_ assignment: VisitAssignment) async throws -> VisitEnd? {
      try await withCheckedThrowingContinuation { done in
        let key = VisitKey(rollout: assignment.rollout, host: assignment.host.name)
        waiting[key] = Waiting(assignment: assignment, done: done)
        new.append(assignment)
        // Those that come soon after each other are handed out together.
        if new.count == 1 { Task { await handOutSoon() } }
        if !isAsking {
          isAsking = true
          Task { await askUntilAllHaveEnded() }
        }
      }
    }

    package func verdict(of assignment: VisitAssignment) async throws -> Outcome {
      let filter = Store.LogFilter(host: assignment.host.name, rollout: assignment.rollout)
      let looks = try await store.events(filter).compactMap { logged -> Outcome? in
        guard case .step(let result) = logged.event.kind, result.step == .reverify else { return nil }
        return result.outcome
      }
      // One for each thing that was looked at, up to the first that is not well.
      return looks.last ?? .inconclusive("nobody has looked: no controller that is at work reaches it")
    }

    private func handOutSoon() async {
      // One that comes alone waits for nobody.
      if wasSeveral { try? await Task.sleep(for: Self.pace) }
      await handOut()
    }

    private func handOut() async {
      let handed = new
      new = []
      wasSeveral = handed.count > 1
      do {
        try await store.handOut(
          handed.map { (VisitKey(rollout: $0.rollout, host: $0.host.name), $0.attempt, $0.host.site, $0) })
        for assignment in handed {
          waiting[VisitKey(rollout: assignment.rollout, host: assignment.host.name)]?.isHandedOut = true
        }
        await worker.bell.ring()
      } catch { fail(error) }
    }

    /// One of this controller's own, whose end the ledger knows.
    func hasEnded(_ key: VisitKey, _ end: VisitEnd?) {
      waiting.removeValue(forKey: key)?.done.resume(returning: end)
    }

    /// Another controller may fare better; where it fails again and again the run does, and says why.
    func hasFailed(_ key: VisitKey, _ error: any Error) {
      waiting[key]?.failures += 1
      guard let one = waiting[key], one.failures >= Self.mostFailures else { return }
      waiting[key] = nil
      one.done.resume(throwing: error)
    }

    private func fail(_ error: any Error) {
      for one in waiting.values { one.done.resume(throwing: error) }
      waiting = [:]
    }

    private func askUntilAllHaveEnded() async {
      var lastVacuum = ContinuousClock.now
      while !waiting.isEmpty {
        try? await Task.sleep(for: interval)
        do { try await ask() } catch { fail(error) }
        if .now - lastVacuum > Self.betweenVacuums {
          // It only makes the tasks' table smaller.
          do { try await store.vacuumTasks() } catch { DebugLog.write("tasks are not vacuumed: \(error)") }
          lastVacuum = .now
        }
      }
      isAsking = false
    }

    private func ask() async throws {
      let handedOut = waiting.filter(\.value.isHandedOut).map(\.key)
      let open = Dictionary(
        try await store.openTasks().map { ($0.key, $0) }, uniquingKeysWith: { $1 })
      let ended = try await store.learn(handedOut.filter { open[$0] == nil })
      for (key, learned) in ended {
        for event in learned.events { tell(.recorded(event)) }
        hasEnded(key, learned.end)
      }
      for key in handedOut {
        guard let task = open[key], !task.isTaken else { continue }
        if ports.stop.isRequested {
          if try await store.withdraw(key) != nil { hasEnded(key, nil) }
        } else if !task.canBeTaken {
          try await leaveOrphan(key)
        } else {
          waiting[key]?.isOrphanSince = nil
        }
      }
    }

    /// The last controller of its site is gone. Another one may begin there, and is waited for as long as one that is lost.
    private func leaveOrphan(_ key: VisitKey) async throws {
      guard let one = waiting[key] else { return }
      guard let since = one.isOrphanSince else {
        waiting[key]?.isOrphanSince = .now
        return
      }
      guard ContinuousClock.now - since > ControllerSession.term, let standing = try await store.withdraw(key)
      else { return }
      let reason =
        one.assignment.host.site.map { "no controller that is at work serves site \($0)" }
        ?? "no controller is at work that takes part in rollouts"
      switch standing {
      case .new: hasEnded(key, try await one.assignment.refuse(ports, because: reason))
      case .begun(let token, let isRevert):
        let begun = one.assignment.resolving(token, isRevert: isRevert)
        hasEnded(key, try await begun.refuse(ports, because: reason))
      case .ended(let end): hasEnded(key, end)
      }
    }
  }
#endif
