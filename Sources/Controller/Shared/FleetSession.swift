#if PostgreSQL
  import Engine
  import FoundationEssentials
  import Storage
  import System

  /// A controller at work among others: it says that it lives until it is done.
  struct FleetSession: Sendable {
    let session: ControllerSession
    private let store: Store
    private let heartbeat: Heartbeat?
    private static let patience = Duration.seconds(15)

    /// - Parameter takesPart: whether it carries out visits that others hand out, beside what it does itself.
    private init(_ controller: Controller, takesPart: Bool) async throws {
      let (store, configuration) = (controller.store, controller.configuration)
      self.store = store
      let session = try await store.join(
        name: configuration.name.isEmpty ? ProcessInfo.processInfo.hostName : configuration.name,
        sites: configuration.sites, process: ControllerLease.holder, takesPart: takesPart)
      self.session = session
      heartbeat = await store.keepAlive(session)
    }

    /// Has a session for as long as the work takes.
    static func during<Value>(
      _ controller: Controller, takesPart: Bool, _ work: (FleetSession) async throws -> Value
    ) async throws -> Value {
      let session = try await FleetSession(controller, takesPart: takesPart)
      do {
        let value = try await work(session)
        try await session.end()
        return value
      } catch {
        try? await session.end()
        throw error
      }
    }

    /// - Parameter isPatient: whether one that leads is waited for a moment: what serves has mostly nothing to do, and is soon done with it.
    /// - Throws: `ControllerLease.Held`, where another one leads.
    func lead(isPatient: Bool = true) async throws {
      let deadline = ContinuousClock.now + (isPatient ? Self.patience : .zero)
      while case .held(let other) = try await store.takeLease(session) {
        guard .now < deadline else { throw ControllerLease.Held(by: "controller \(other)") }
        try await Task.sleep(for: .milliseconds(500))
      }
    }

    private func end() async throws {
      heartbeat?.stop()
      let roundTrips = await store.roundTrips
      DebugLog.write("the database was waited for \(roundTrips) times")
      try await store.leave(session)
    }
  }

  extension Controller {
    /// Does what one controller alone may do at a time.
    func leading<Value>(_ work: () async throws -> Value) async throws -> Value {
      try await FleetSession.during(self, takesPart: false) { session in
        try await session.lead()
        return try await work()
      }
    }

    /// The same with visits, which are handed out. This one takes part, unless another process of this controller does.
    func leading<Value>(
      stop: StopSignal, isPatient: Bool, _ work: ((any VisitCarrier)?) async throws -> Value
    ) async throws -> Value {
      var own: ControllerLease?
      do { own = try lease() } catch is ControllerLease.Held {}
      defer { withExtendedLifetime(own) {} }
      let takesPart = own != nil
      return try await FleetSession.during(self, takesPart: takesPart) { session in
        try await session.lead(isPatient: isPatient)
        guard takesPart else { return try await work(try await carrier(for: worker(stop), stop)) }
        return try await working(stop) { try await work(try await carrier(for: $0, stop)) }
      }
    }
  }
#endif
