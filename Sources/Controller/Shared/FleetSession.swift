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

    /// - Throws: `ControllerLease.Held`, where another one leads.
    func lead() async throws {
      if case .held(let other) = try await store.takeLease(session) {
        throw ControllerLease.Held(by: "controller \(other)")
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
      stop: StopSignal, _ work: ((any VisitCarrier)?) async throws -> Value
    ) async throws -> Value {
      var own: ControllerLease?
      do { own = try lease() } catch is ControllerLease.Held {}
      defer { withExtendedLifetime(own) {} }
      let takesPart = own != nil
      return try await FleetSession.during(self, takesPart: takesPart) { session in
        try await session.lead()
        guard takesPart else { return try await work(try await carrier(for: worker(stop), stop)) }
        return try await working(stop) { try await work(try await carrier(for: $0, stop)) }
      }
    }
  }
#endif
