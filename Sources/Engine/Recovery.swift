public import Fleet
import Foundation
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

  /// Asks and records every end.
  ///
  /// - Returns: the ends that stand. A visit that the crash kept from succeeding is left out: it is to be done
  ///   again, as its next attempt.
  public func resolve(_ visits: [OpenVisit]) async throws -> [Host.Name: VisitEnd] {
    let hosts = Dictionary(
      rollout.plan.visits.map { ($0.host.name, $0.host) }, uniquingKeysWith: { first, _ in first })
    return try await withThrowingTaskGroup(of: (Host.Name, VisitEnd?).self) { group in
      for visit in visits {
        guard let host = hosts[visit.host] else { continue }
        group.addTask { (visit.host, try await resolve(visit, on: host)) }
      }
      var ends: [Host.Name: VisitEnd] = [:]
      for try await (host, end) in group { ends[host] = end }
      return ends
    }
  }

  private func resolve(_ visit: OpenVisit, on host: Host) async throws -> VisitEnd? {
    let answer = await Inquiry(host: host, token: visit.token, ports: ports).ask()
    let ending = answer.ending(afterLosing: "the controller was interrupted")
    try await ports.recorder.record(
      Event(
        at: Date(),
        subject: .init(
          rollout: rollout.id, wave: visit.wave, host: visit.host, attempt: visit.attempt),
        kind: .visitEnded(ending.end, reason: ending.reason)))
    switch ending.end {
    case .ok, .degraded, .unchanged, .failedDirty, .unknown: return ending.end
    case .rolledBack, .failedClean, .unreachable, .deferred: return nil
    }
  }
}
