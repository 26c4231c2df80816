#if PostgreSQL
  import Fleet
  import FoundationEssentials
  import Storage
  import System

  /// One controller of several that stays: it leads a run when something is due and nobody else does.
  struct SharedService {
    private let controller: Controller
    private let session: ControllerSession
    private let worker: VisitTaskWorker
    private let stop: StopSignal
    private var next = Date.distantPast
    /// When the last run ended, whichever controller led it.
    private var lastRun: Double?
    /// What was ordered before this epoch may not have been seen by a run. Whoever ordered it may have the lease still.
    private var ordered: Int?
    /// While another one leads.
    private var answers: SharedAnswers?
    private static let untilAllHaveHeard = Duration.milliseconds(300)

    init(
      _ controller: Controller, _ session: ControllerSession, _ worker: VisitTaskWorker, _ stop: StopSignal
    ) {
      (self.controller, self.session, self.worker, self.stop) = (controller, session, worker, stop)
    }

    private var store: Store { controller.store }

    /// Goes on until a stop is requested.
    mutating func run(_ ended: (RunResult) -> Void) async throws {
      let orders = Doorbell()
      let listener = await store.listen([.orders: { Task { await orders.ring() } }])
      defer {
        withExtendedLifetime(listener) {}
        answers?.close()
      }
      while !stop.isRequested {
        if await orders.wait(for: .seconds(1)) {
          ordered = try await store.drawEpoch()
          // By then the others have heard it, too, and one run will do for all of them.
          _ = try? await stop.sleep(for: Self.untilAllHaveHeard)
        }
        try await store.requireSession()
        let standing = try await store.leaseStanding(for: session)
        if standing == .free { stopAnswering() } else { try await answer() }
        try await learnOfRuns()
        // A run whose controller is lost is followed at once.
        guard standing == .left || standing == .free && (ordered != nil || Date() >= next),
          case .taken = try await store.takeLease(session)
        else { continue }
        try await lead(ended)
      }
    }

    private mutating func answer() async throws {
      // What is declared may have changed since the last time.
      if answers == nil { answers = try await SharedAnswers(of: controller) }
      answers?.open()
    }

    private mutating func stopAnswering() {
      answers?.close()
      answers = nil
    }

    private mutating func learnOfRuns() async throws {
      if let epoch = ordered, try await store.areOrdersSeen(before: epoch) { ordered = nil }
      guard let run = try await store.runMoments()?.endedAt, run != lastRun else { return }
      if lastRun != nil { next = try await controller.nextMoment(after: Date()) }
      lastRun = run
    }

    private mutating func lead(_ ended: (RunResult) -> Void) async throws {
      ordered = nil
      stopAnswering()
      do {
        let result = try await controller.lead(RunRequest(), worker, stop)
        try await store.giveUpLease(session)
        ended(result)
      } catch let error as LeaseLost {
        DebugLog.write("\(error)")
        try await store.giveUpLease(session)
      }
      lastRun = try await store.runMoments()?.endedAt
      next = try await controller.nextMoment(after: Date())
    }
  }
#endif
