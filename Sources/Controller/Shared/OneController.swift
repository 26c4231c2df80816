#if !PostgreSQL
  import Engine
  import Fleet
  import Storage
  import System

  /// What sharing comes to where a state is one controller's alone.
  extension Controller {
    func leading<Value>(_ work: () async throws -> Value) async throws -> Value { try await work() }
    func leading<Value>(
      stop: StopSignal, isPatient: Bool, _ work: ((any VisitCarrier)?) async throws -> Value
    ) async throws -> Value { try await work(nil) }
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
