import Fleet
import Foundation
import Testing

@testable import Planning

@Suite struct WavesTests {
  @Test(arguments: [
    (10, [WaveSize.count(1), .percent(10), .rest], [1, 1, 8]),
    (1, [.count(1), .percent(10), .rest], [1]),
    (25, [.count(1), .percent(10), .rest], [1, 3, 21]),
    (5, [.count(2)], [2, 2, 1]),
    (3, [.percent(1)], [1, 1, 1]),
    (4, [.rest], [4]),
    (0, [.rest], []),
  ])
  func `hosts are cut in order and none is left out`(count: Int, sizes: [WaveSize], expected: [Int]) {
    let waves = Waves.slice(Array(0..<count), into: sizes)
    #expect(waves.map(\.count) == expected)
    #expect(waves.flatMap(\.self) == Array(0..<count))
  }
}

@Suite struct BudgetTests {
  private var policy = RolloutPolicy(
    name: "p", waves: [.rest], parallel: 1, maxFailed: .percent(10), maxUnreachable: .count(1))

  @Test func `percentages of failed hosts are rounded down`() {
    let budget = Budget(policy, hosts: 19, scope: "it")
    #expect(budget.broken(by: [.rolledBack]) == nil)
    #expect(budget.broken(by: [.rolledBack, .unknown]) == "2 failed in it, 1 allowed")
  }

  @Test func `unreachable hosts have a budget of their own`() {
    let budget = Budget(policy, hosts: 19, scope: "it")
    #expect(budget.broken(by: [.unreachable, .ok, .failedClean]) == nil)
    #expect(budget.broken(by: [.unreachable, .deferred]) == "2 unreachable in it, 1 allowed")
  }

  @Test func `a group in which nobody succeeded has failed`() {
    let budget = Budget(policy, hosts: 1, scope: "it")
    #expect(budget.brokenAtEnd(by: [.unreachable]) == "no host of it succeeded")
    #expect(budget.brokenAtEnd(by: [.degraded]) == nil)
  }
}

@Suite struct PlannerTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func certificate(_ lineage: Lineage.Name, _ generation: Int, validFor days: Double = 90)
    -> Certificate
  {
    Certificate(
      lineage: lineage, generation: Generation(generation),
      fingerprint: Fingerprint("\(lineage)-\(generation)"),
      serial: "1", names: ["\(lineage)"], notBefore: now.addingTimeInterval(-86400),
      notAfter: now.addingTimeInterval(days * 86400), issuedAt: now)
  }

  private func lineage(_ name: Lineage.Name, to selector: String, hooks: Hooks = Hooks()) throws -> Lineage {
    Lineage(
      name: name, domains: ["\(name)"], issuer: "ca",
      deployments: [Deployment(selector: try Selector(selector), rollout: nil, hooks: hooks, verify: [])])
  }

  private func snapshot() throws -> Snapshot {
    Snapshot(
      hosts: ["web10", "web2", "mail"].map { Host(name: $0, address: "\($0)") },
      lineages: [try lineage("b", to: "web*"), try lineage("a", to: "*")], policies: [],
      newest: ["a": certificate("a", 2), "b": certificate("b", 1)], kept: [:])
  }

  @Test func `each host gets one visit with all that is due there`() throws {
    let plan = try #require(try Planner.plans(for: snapshot(), at: now).first)
    #expect(plan.waves.map { $0.map(\.host.name) } == [["mail"], ["web2"], ["web10"]])
    #expect(plan.waves[1][0].certificates.map(\.lineage) == ["a", "b"])
    #expect(plan.waves[0][0].certificates.map(\.lineage) == ["a"])
  }

  @Test func `what a host keeps is not due, and is what it goes back to`() throws {
    var snapshot = try snapshot()
    snapshot.kept = ["mail": ["a": certificate("a", 2)], "web2": ["a": certificate("a", 1)]]
    let visits = try #require(Planner.plans(for: snapshot, at: now).first).visits
    #expect(visits.map(\.host.name) == ["web2", "web10"])
    #expect(visits[0].certificates[0].replaces == "a-1")
    #expect(visits[1].certificates[0].replaces == nil)
  }

  @Test func `a host that was not reached is not the canary again`() throws {
    var snapshot = try snapshot()
    snapshot.unreachable = ["mail"]
    let plan = try #require(Planner.plans(for: snapshot, at: now).first)
    #expect(plan.visits.map(\.host.name) == ["web2", "web10", "mail"])
  }

  @Test func `nothing is planned when nothing is due, issued or valid`() throws {
    var snapshot = try snapshot()
    snapshot.newest = ["a": certificate("a", 2, validFor: -1 / 86400)]
    #expect(Planner.plans(for: snapshot, at: now).isEmpty)
  }

  @Test func `a plan stays current while its hosts finish, and not when a hook changes`() throws {
    var snapshot = try snapshot()
    let plan = try #require(Planner.plans(for: snapshot, at: now).first)
    snapshot.kept = ["mail": ["a": certificate("a", 2)]]
    #expect(Planner.isCurrent(plan, in: snapshot, at: now))
    snapshot.lineages[1] = try lineage("a", to: "*", hooks: Hooks(deploy: [Hook(command: "x")]))
    #expect(!Planner.isCurrent(plan, in: snapshot, at: now))
  }

  @Test func `a plan that a newer generation overtook is not current`() throws {
    var snapshot = try snapshot()
    let plan = try #require(Planner.plans(for: snapshot, at: now).first)
    snapshot.newest["a"] = certificate("a", 3)
    #expect(!Planner.isCurrent(plan, in: snapshot, at: now))
  }
}
