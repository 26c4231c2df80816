import Fleet
import Foundation
import Synchronization
import System
import Testing
import struct Fleet.Host

@testable import Engine

/// A first visit where the server's configuration names other files: nothing has got worse, and nothing goes back.
@Suite struct PlacedTests {
  /// Hosts whose endpoint serves what it is told to, in turn; the last for ever.
  private final class Endpoints: Probe {
    private let answers: Mutex<[Host.Name: [Fingerprint]]>
    init(_ answers: [Host.Name: [Fingerprint]]) { self.answers = Mutex(answers) }

    func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
      let next = answers.withLock { answers -> Fingerprint? in
        guard let first = answers[host.name]?.first else { return nil }
        if answers[host.name, default: []].count > 1 { answers[host.name]?.removeFirst() }
        return first
      }
      guard let next else { throw NoAnswer(reason: "connection refused") }
      return ServedLeaf(next, name: next.rawValue)
    }
  }

  private func plan(_ waves: [[(Host.Name, isFirst: Bool)]]) -> Plan {
    var policy = RolloutPolicy(
      name: "p", waves: [], parallel: 1, maxFailed: .count(0), maxUnreachable: .count(0))
    policy.onFailure = .revertHost
    return Plan(
      policy: policy,
      waves: waves.map { hosts in
        PlannedWave(
          hosts.map { name, isFirst in
            PlannedVisit(
              host: Host(name: name, address: "a"),
              certificates: [
                PlannedCertificate(
                  lineage: "x", generation: Generation(2), fingerprint: "new", domains: ["x.example"],
                  hooks: Hooks(), verify: [Verification(port: 443, serverName: "x.example")],
                  replaces: isFirst
                    ? nil : .init(generation: Generation(1), fingerprint: "g1", servesUntil: .distantFuture))
              ])
          })
      })
  }

  private func run(
    _ waves: [[(Host.Name, isFirst: Bool)]], _ answers: [Host.Name: [Fingerprint]]
  ) async throws -> (state: RolloutState, ends: [Host.Name: (end: VisitEnd, reason: String)], reason: String)
  {
    let plan = plan(waves)
    let hosts = StagedHosts(
      Dictionary(uniqueKeysWithValues: plan.visits.map { ($0.host.name, .awaits) }))
    hosts.begin(at: RolloutLedger(waves: plan.waves.count))
    let ports = Ports(
      connector: hosts, probe: Endpoints(answers), localHooks: hosts, materials: hosts, recorder: hosts,
      instructions: hosts, time: Hasty(), epoch: 1)
    let state = try await RolloutRunner(Rollout.ID(1), plan: plan, ports: ports).run()
    let visits = try await hosts.read(Rollout.ID(1)) { $0.visits }
    let reason = try await hosts.read(Rollout.ID(1)) { $0.reason }
    return (
      state,
      visits.compactMapValues { visit in visit.end.map { ($0, visit.reason) } }, reason
    )
  }

  @Test func `what was served before and is served still leaves the files there, and is not called good`()
    async throws
  {
    let ran = try await run(
      [[("web1", true)], [("web2", true)]], ["web1": ["old"], "web2": ["old", "new"]])
    #expect(ran.ends["web1"]?.end == .placed)
    #expect(
      ran.ends["web1"]?.reason
        == "installed; tls://a:443 (x.example) still serves CN=old: does its configuration name /etc/certfleet/live/x/?"
    )
    #expect(ran.ends["web2"]?.end == .ok)
    #expect(ran.state == .partial)
    #expect(ran.reason == "on 1 of 2 hosts the certificate is installed and another is served still")
  }

  @Test func `another certificate than before, or none, goes back as ever`() async throws {
    for answers in [["old", "third"], []] as [[Fingerprint]] {
      let ran = try await run([[("web1", true)]], ["web1": answers])
      #expect(ran.ends["web1"]?.end == .rolledBack, "\(answers)")
      #expect(ran.state == .halted)
    }
  }

  @Test func `a host that was served by us before is never placed`() async throws {
    let ran = try await run([[("web1", false)]], ["web1": ["g1"]])
    #expect(ran.ends["web1"]?.end == .rolledBack)
  }

  @Test func `one that is only placed is no canary for hosts that we serve`() async throws {
    let ran = try await run([[("new1", true)], [("web1", false)]], ["new1": ["old"], "web1": ["new"]])
    #expect(ran.ends["new1"]?.end == .placed && ran.ends["web1"] == nil)
    #expect(ran.state == .halted)
    #expect(ran.reason.contains("no host of wave 1 serves the new certificate yet"))
  }
}
