import Engine
import Fleet
import Foundation
import Synchronization
import System
import Testing
import struct Fleet.Host

/// After a bake: hosts of a site that others look at.
@Suite struct CarriedLooksTests {
  private func plan(_ verify: [Verification]) -> Plan {
    let visits = ["h1", "h2"].map { name in
      var host = Host(name: Host.Name(name), address: "a")
      host.site = "far"
      return PlannedVisit(
        host: host,
        certificates: [
          PlannedCertificate(
            lineage: "x", generation: Generation(1), fingerprint: "new", domains: [], hooks: Hooks(),
            verify: verify)
        ])
    }
    let policy = RolloutPolicy(
      name: "p", waves: [], parallel: 2, maxFailed: .count(0), maxUnreachable: .count(0))
    return Plan(
      policy: policy,
      waves: [PlannedWave(visits, by: WaveRule(take: .rest, bake: .milliseconds(10)))])
  }

  @Test func `where there is nothing to look at nobody is waited for`() async throws {
    let (hosts, plan) = (StagedHosts(), plan([]))
    let carrier = SiteController(hosts)
    carrier.reaches.withLock { $0 = [] }
    hosts.begin(at: RolloutLedger(waves: 1))
    #expect(
      try await RolloutRunner(Rollout.ID(1), plan: plan, ports: hosts.ports(by: carrier)).run() == .succeeded)
  }

  @Test func `a look that nobody makes does not pass by an earlier one`() async throws {
    let hosts = StagedHosts(["h1": .awaits, "h2": .awaits])
    let plan = plan([Verification(.tls(TLSQuestion(port: 443, serverName: "x")))])
    let carrier = SiteController(hosts)
    let runner = RolloutRunner(Rollout.ID(1), plan: plan, ports: hosts.ports(by: carrier))
    hosts.begin(at: RolloutLedger(waves: 1))
    carrier.reaches.withLock { $0 = ["h1"] }
    #expect(try await runner.run() == .paused)
    carrier.reaches.withLock { $0 = ["h2"] }
    #expect(try await runner.run() == .paused)
    carrier.reaches.withLock { $0 = ["h1", "h2"] }
    #expect(try await runner.run() == .succeeded)
  }
}

/// Carries out what is handed out; looks only at hosts that it reaches.
private final class SiteController: VisitCarrier {
  private let hosts: StagedHosts
  let reaches = Mutex<Set<Host.Name>>([])

  init(_ hosts: StagedHosts) { self.hosts = hosts }

  func carryOut(_ assignment: VisitAssignment) async throws -> VisitEnd? {
    let ports = hosts.ports(StopSignal())
    guard assignment.work != .lookAgain || reaches.withLock({ $0.contains(assignment.host.name) }) else {
      return try await assignment.refuse(ports, because: "nobody serves the site")
    }
    return try await assignment.carryOut(ports)
  }

  func verdict(of assignment: VisitAssignment) async throws -> Outcome {
    let looks = hosts.events.compactMap { event -> Outcome? in
      guard event.subject.host == assignment.host.name, case .step(let result) = event.kind,
        result.step == .reverify
      else { return nil }
      return result.outcome
    }
    return looks.last ?? .inconclusive("nobody has looked")
  }
}

extension StagedHosts {
  fileprivate func ports(by carrier: any VisitCarrier) -> Ports {
    Ports(
      connector: self, probe: self, localHooks: self, materials: self, recorder: self, instructions: self,
      epoch: 1, carrier: carrier)
  }
}
