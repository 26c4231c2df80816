public import Fleet
public import struct Fleet.Host

/// After a crash: visits that were begun and have no end are resolved by asking their hosts.
public struct Recovery: Sendable {
  private let rollout: Rollout
  private let ports: Ports

  /// A visit as the crash left it.
  public struct OpenVisit: Sendable {
    public let host: Host.Name
    public let wave: Int
    public let attempt: Int
    public let token: VisitToken

    public init(host: Host.Name, wave: Int, attempt: Int, token: VisitToken) {
      self.host = host
      self.wave = wave
      self.attempt = attempt
      self.token = token
    }
  }

  public init(rollout: Rollout, ports: Ports) {
    self.rollout = rollout
    self.ports = ports
  }

  /// Asks about visits of a rollout that goes on.
  ///
  /// - Returns: the ends that stand. A visit that the crash kept from succeeding is left out and stays open: it is
  ///   to be done again, as its next attempt.
  public func resolve(_ visits: [OpenVisit]) async throws -> [Host.Name: VisitEnd] {
    try await ask(visits) { visit, answer in
      let ending = answer.ending(afterLosing: "the controller was interrupted")
      switch ending.end {
      case .ok, .degraded, .unchanged, .failedDirty, .unknown:
        try await visit.record(.visitEnded(ending.end, reason: ending.reason))
        return ending.end
      case .rolledBack, .failedClean, .unreachable, .deferred:
        try await visit.record(.step(StepResult(step: .recover, outcome: .failed(ending.reason))))
        return nil
      }
    }
  }

  /// Asks about visits of a rollout that does not go on, and records how they ended.
  public func learn(_ visits: [OpenVisit]) async throws {
    _ = try await ask(visits) { visit, answer in
      let ending = answer.ending(afterLosing: "the controller lost sight of it")
      try await visit.record(.visitEnded(ending.end, reason: ending.reason))
      return ending.end
    }
  }

  private func ask(
    _ visits: [OpenVisit], _ conclude: @escaping @Sendable (Visit, Inquiry.Answer) async throws -> VisitEnd?
  ) async throws -> [Host.Name: VisitEnd] {
    let planned = Dictionary(
      rollout.plan.visits.map { ($0.host.name, $0) }, uniquingKeysWith: { first, _ in first })
    return try await withThrowingTaskGroup(of: (Host.Name, VisitEnd?).self) { group in
      for open in visits {
        guard let planned = planned[open.host] else { continue }
        let visit = Visit(
          planned: planned, rollout: rollout.id, wave: open.wave, attempt: open.attempt, ports: ports)
        group.addTask {
          (open.host, try await conclude(visit, try await Inquiry(visit: visit, token: open.token).ask()))
        }
      }
      var ends: [Host.Name: VisitEnd] = [:]
      for try await (host, end) in group { ends[host] = end }
      return ends
    }
  }
}
