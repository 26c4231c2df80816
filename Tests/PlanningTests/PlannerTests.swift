import Fleet
import Foundation
import Testing
import struct Fleet.Host

@testable import Planning

@Suite struct WavesTests {
  private func visits(_ count: Int) -> [PlannedVisit] {
    (0..<count).map { number in
      PlannedVisit(
        host: Host(
          name: Host.Name("h\(number)"), address: "a", labels: ["half": number < count / 2 ? "low" : "high"]),
        certificates: [])
    }
  }

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
    let waves = Waves.slice(visits(count), by: sizes.map { WaveRule(take: $0) })
    #expect(waves.map(\.visits.count) == expected)
    #expect(waves.flatMap(\.visits) == visits(count))
  }

  @Test(arguments: [
    (["half=high", "rest"], [["h3", "h4", "h5"], ["h0", "h1", "h2"]]),
    (["half=high"], [["h3", "h4", "h5"], ["h0", "h1", "h2"]]),
    (["name:h4", "half=high", "1"], [["h4"], ["h3", "h5"], ["h0"], ["h1"], ["h2"]]),
    (["half=none", "half=low", "rest"], [["h0", "h1", "h2"], ["h3", "h4", "h5"]]),
  ])
  func `a selector takes its hosts and no other, and what is left goes last`(
    sizes: [String], expected: [[Host.Name]]
  ) throws {
    let rules = try sizes.map { text in
      WaveRule(take: text == "rest" ? .rest : try Int(text).map(WaveSize.count) ?? .selected(Selector(text)))
    }
    #expect(Waves.slice(visits(6), by: rules).map { $0.visits.map(\.host.name) } == expected)
  }
}

@Suite struct BudgetTests {
  private func budget(hosts: Int) -> Budget { Budget(.percent(10), .count(1), hosts: hosts, scope: "it") }

  @Test func `percentages of failed hosts are rounded down`() {
    let budget = budget(hosts: 19)
    #expect(budget.broken(by: [.rolledBack]) == nil)
    #expect(budget.broken(by: [.rolledBack, .unknown]) == "2 failed in it, 1 allowed")
  }

  @Test func `unreachable hosts have a budget of their own`() {
    let budget = budget(hosts: 19)
    #expect(budget.broken(by: [.unreachable, .ok, .failedClean]) == nil)
    #expect(budget.broken(by: [.unreachable, .deferred]) == "2 unreachable in it, 1 allowed")
  }

  @Test(arguments: [
    (Limit.percent(10), 1, 0), (.percent(10), 2, 1), (.percent(10), 8, 1), (.percent(10), 40, 4),
    (.percent(0), 8, 0), (.count(0), 8, 0),
  ])
  func `a percentage of unreachable hosts is never rounded to none of several`(
    limit: Limit, hosts: Int, allowed: Int
  ) {
    #expect(limit.unreachable(of: hosts) == allowed)
  }

  @Test func `a group in which nobody succeeded has failed`() {
    let budget = budget(hosts: 1)
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

  private func snapshot() throws -> PlanningSnapshot {
    PlanningSnapshot(
      hosts: ["web10", "web2", "mail"].map { Host(name: $0, address: "\($0)") },
      lineages: [try lineage("b", to: "web*"), try lineage("a", to: "*")], policies: [],
      newest: ["a": certificate("a", 2), "b": certificate("b", 1)], kept: [:])
  }

  private func plans(_ snapshot: PlanningSnapshot, _ request: PlanRequest = PlanRequest()) -> [Plan] {
    Planner.plan(on: snapshot, for: request, at: now).plans
  }

  private func backoff(
    _ host: Host.Name, _ end: VisitEnd, failures: Int = 1, hasHalted: Bool = false,
    in snapshot: PlanningSnapshot
  ) throws -> HostBackoff {
    let wanted = try #require(plans(snapshot).flatMap(\.visits).first { $0.host.name == host })
    return HostBackoff(
      failures: failures, end: end, reason: "why", at: now, rollout: Rollout.ID(7),
      hasHaltedRollout: hasHalted, wanted: wanted.essence)
  }

  @Test func `each host gets one visit with all that is due there`() throws {
    let plan = try #require(plans(try snapshot()).first)
    #expect(plan.waves.map { $0.visits.map(\.host.name) } == [["mail", "web2"], ["web10"]])
    #expect(plan.waves[0].visits[1].certificates.map(\.lineage) == ["a", "b"])
    #expect(plan.waves[0].visits[0].certificates.map(\.lineage) == ["a"])
  }

  @Test
  func `certificates that share no host go in rollouts of their own, and one that halted holds no other`()
    throws
  {
    var snapshot = try snapshot()
    snapshot.lineages = [try lineage("b", to: "web*"), try lineage("a", to: "name:mail")]
    let apart = plans(snapshot)
    #expect(apart.map(\.lineages) == [["a"], ["b"]])
    #expect(
      apart.map { $0.waves.map { $0.visits.map(\.host.name) } } == [[["mail"]], [["web2"], ["web10"]]])
    snapshot.backoffs = [
      "standard": ["mail": try backoff("mail", .rolledBack, failures: 9, hasHalted: true, in: snapshot)]
    ]
    let result = Planner.plan(on: snapshot, at: now)
    #expect(result.plans.map(\.lineages) == [["b"]] && result.deferred.map(\.host) == ["mail"])
    // Where waves name hosts, their order over all certificates is what was asked for.
    let policy = RolloutPolicy(
      name: "standard", waves: [.init(take: .selected(try Selector("name:mail"))), .init(take: .rest)],
      parallel: 5, maxFailed: .count(0), maxUnreachable: .count(0))
    snapshot.policies = [policy]
    snapshot.backoffs = [:]
    #expect(plans(snapshot).map(\.lineages) == [["a", "b"]])
  }

  @Test func `what is connected over a third is one, and each certificate has a canary`() throws {
    var snapshot = try snapshot()
    let labels: [Host.Name: [String]] = ["h1": ["a"], "h2": ["a", "c"], "h8": ["b", "c"], "h9": ["b"]]
    snapshot.hosts = labels.map { name, labels in
      Host(name: name, address: "a", labels: Dictionary(uniqueKeysWithValues: labels.map { ($0, "") }))
    }
    snapshot.lineages = try ["a", "b", "c"].map { try lineage(Lineage.Name($0), to: $0) }
    snapshot.newest["c"] = certificate("c", 1)
    let plan = try #require(plans(snapshot).first)
    #expect(plans(snapshot).count == 1)
    // The first by name, and the one that has both of the others.
    #expect(plan.waves[0].visits.map(\.host.name) == ["h1", "h8"])
  }

  @Test func `hosts with keys of their own are one rollout, with one canary`() throws {
    var own = try lineage("own", to: "*")
    own.key.place = .host
    var snapshot = try snapshot()
    snapshot.lineages = own.instances(on: snapshot.hosts)
    for lineage in snapshot.lineages { snapshot.newest[lineage.name] = certificate(lineage.name, 1) }
    #expect(plans(snapshot).map { $0.waves.map(\.visits.count) } == [[1, 1, 1]])
  }

  @Test func `a host that is known not to be reached goes last and counts in no budget`() throws {
    var request = PlanRequest()
    request.unreachable = ["mail"]
    let plan = try #require(plans(try snapshot(), request).first)
    #expect(plan.visits.map(\.host.name) == ["web2", "web10", "mail"])
    #expect(plan.visits.map(\.wasUnreachable) == [false, false, true])
  }

  @Test func `what a host keeps is not due, and is what it goes back to`() throws {
    var snapshot = try snapshot()
    snapshot.kept = ["mail": ["a": certificate("a", 2)], "web2": ["a": certificate("a", 1)]]
    let visits = try #require(plans(snapshot).first).visits
    #expect(visits.map(\.host.name) == ["web2", "web10"])
    #expect(visits[0].certificates[0].replaces?.fingerprint == "a-1")
    #expect(visits[0].certificates.map(\.cause) == [.generation, .first])
    #expect(visits[1].certificates[0].replaces == nil)
  }

  @Test func `a host that was not reached is not the canary again`() throws {
    var snapshot = try snapshot()
    snapshot.backoffs["standard"] = ["mail": try backoff("mail", .unreachable, in: snapshot)]
    let plan = try #require(plans(snapshot).first)
    #expect(plan.visits.map(\.host.name) == ["web2", "web10", "mail"])
    #expect(plan.visits.map(\.wasUnreachable) == [false, false, true])
  }

  @Test func `a policy is unfinished until its hosts have what they should have, but for what was tolerated`()
    throws
  {
    var snapshot = try snapshot()
    #expect(Planner.plan(on: snapshot, at: now).unfinished == ["standard"])
    let kept = ["a": certificate("a", 2), "b": certificate("b", 1)] as [Lineage.Name: Certificate]
    for (end, hasHalted, isUnfinished) in [
      (VisitEnd.unreachable, false, false), (.rolledBack, false, false), (.rolledBack, true, true),
      (.skipped, false, true),
    ] {
      snapshot.kept = [:]
      let backoff = try backoff("mail", end, hasHalted: hasHalted, in: snapshot)
      snapshot.kept = ["web2": kept, "web10": kept]
      snapshot.backoffs = ["standard": ["mail": backoff]]
      #expect(Planner.plan(on: snapshot, at: now).unfinished.isEmpty != isUnfinished, "\(end)")
    }
    snapshot.newest["a"] = certificate("a", 3)
    #expect(Planner.plan(on: snapshot, at: now).unfinished == ["standard"])
  }

  @Test func `what a waiting rollout is to bring is left to it, and the rest goes`() throws {
    var request = PlanRequest()
    request.underWay = ["standard": ["a"]]
    let visits = try #require(plans(try snapshot(), request).first).visits
    #expect(visits.map(\.host.name) == ["web2", "web10"])
    #expect(visits.allSatisfy { $0.certificates.map(\.lineage) == ["b"] })
  }

  @Test func `a certificate that was revoked or has expired is none to go back to`() throws {
    var (snapshot, old) = (try snapshot(), certificate("a", 1))
    snapshot.kept = ["mail": ["a": old]]
    let good = try #require(plans(snapshot).first?.visits.first { $0.host.name == "mail" })
    #expect(!good.hasNoWayBack(at: now) && good.back(at: now) != nil)
    old.revokedAt = now.addingTimeInterval(-60)
    snapshot.kept = ["mail": ["a": old]]
    let revoked = try #require(plans(snapshot).first?.visits.first { $0.host.name == "mail" })
    #expect(revoked.hasNoWayBack(at: now) && revoked.back(at: now) == nil)
    #expect(revoked.certificates[0].deadline == old.revokedAt)
  }

  @Test func `nothing is planned when nothing is due, issued or valid`() throws {
    var snapshot = try snapshot()
    snapshot.newest = ["a": certificate("a", 2, validFor: -1 / 86400)]
    #expect(plans(snapshot).isEmpty)
  }

  @Test func `a plan stays current while its hosts finish, and not when a hook changes`() throws {
    var snapshot = try snapshot()
    let plan = try #require(plans(snapshot).first)
    snapshot.kept = ["mail": ["a": certificate("a", 2)]]
    #expect(Planner.isCurrent(plan, in: snapshot, at: now))
    snapshot.lineages[1] = try lineage("a", to: "*", hooks: Hooks(deploy: [Hook(command: "x")]))
    #expect(!Planner.isCurrent(plan, in: snapshot, at: now))
  }

  @Test func `a plan that a newer generation overtook is not current`() throws {
    var snapshot = try snapshot()
    let plan = try #require(plans(snapshot).first)
    snapshot.newest["a"] = certificate("a", 3)
    #expect(!Planner.isCurrent(plan, in: snapshot, at: now))
  }

  @Test func `what fails again and again is tried less and less often, until something else is wanted`()
    throws
  {
    var snapshot = try snapshot()
    snapshot.backoffs["standard"] = ["mail": try backoff("mail", .rolledBack, failures: 4, in: snapshot)]
    #expect(plans(snapshot)[0].visits.count == 3)
    snapshot.backoffs["standard"]?["mail"]?.failures = 5
    let result = Planner.plan(on: snapshot, at: now)
    #expect(result.plans[0].visits.map(\.host.name) == ["web2", "web10"])
    #expect(result.deferred.map(\.host) == ["mail"])
    #expect(result.deferred[0].until == now.addingTimeInterval(600))
    #expect(plans(snapshot, PlanRequest(ignoresPauses: true))[0].visits.count == 3)
    let pauses = (5...14).map { failures in
      var backoff = snapshot.backoffs["standard"]!["mail"]!
      backoff.failures = failures
      return backoff.retryAt.timeIntervalSince(now)
    }
    #expect(pauses == [600, 1200, 2400, 4800, 9600, 19200, 38400, 43200, 43200, 43200])
    snapshot.newest["a"] = certificate("a", 3)
    #expect(plans(snapshot)[0].visits.count == 3)
  }

  @Test func `a host that stopped a rollout keeps the others from meeting what broke it`() throws {
    var snapshot = try snapshot()
    snapshot.backoffs["standard"] = [
      "mail": try backoff("mail", .rolledBack, failures: 5, hasHalted: true, in: snapshot)
    ]
    let result = Planner.plan(on: snapshot, at: now)
    #expect(result.plans.isEmpty && result.deferred.map(\.holdsPolicy) == [true])
  }

  @Test func `what a person cancelled waits for a person`() throws {
    var snapshot = try snapshot()
    snapshot.backoffs["standard"] = ["mail": try backoff("mail", .skipped, hasHalted: false, in: snapshot)]
    let later = Planner.plan(on: snapshot, at: now.addingTimeInterval(86400))
    #expect(later.deferred.map(\.until) == [nil] && later.plans[0].visits.count == 2)
  }

  @Test func `files that are declared otherwise are due, and hooks that are not`() throws {
    var snapshot = try snapshot()
    let kept = ["a": certificate("a", 2), "b": certificate("b", 1)] as [Lineage.Name: Certificate]
    snapshot.kept = ["mail": kept, "web2": kept, "web10": kept]
    #expect(plans(snapshot).isEmpty)
    snapshot.keptFiles = ["mail": ["a": []]]
    #expect(plans(snapshot).isEmpty)
    snapshot.lineages[1].deployments[0].hooks = Hooks(deploy: [Hook(command: "x")])
    #expect(plans(snapshot).isEmpty)
    snapshot.lineages[1].deployments[0].files = [
      FileInstallation(format: .fullchain, path: "/x", owner: nil, group: nil, mode: nil)
    ]
    let visits = try #require(plans(snapshot).first).visits
    #expect(visits.map(\.host.name) == ["mail"] && visits[0].certificates.map(\.cause) == [.files])
  }

  @Test func `forced is everything, and hooks alone send no key`() throws {
    var snapshot = try snapshot()
    snapshot.kept = ["mail": ["a": certificate("a", 2)]]
    let forced = try #require(plans(snapshot, PlanRequest(push: .everything, hosts: ["mail"])).first).visits
    #expect(forced.map(\.host.name) == ["mail"] && forced[0].certificates[0].cause == .forced)
    #expect(!forced[0].certificates[0].isReturn)
    let hooks = try #require(plans(snapshot, PlanRequest(push: .hooksOnly)).first).visits
    #expect(hooks.map(\.host.name) == ["mail"] && hooks[0].certificates.map(\.cause) == [.hooks])
    #expect(hooks[0].certificates[0].isReturn)
  }

  @Test func `policies go after those that they name`() throws {
    var snapshot = try snapshot()
    func policy(_ name: RolloutPolicy.Name, after: [RolloutPolicy.Name]) -> RolloutPolicy {
      var policy = RolloutPolicy.standard
      (policy.name, policy.after) = (name, after)
      return policy
    }
    snapshot.policies = [policy("mail", after: ["web"]), policy("web", after: ["standard"])]
    #expect(snapshot.policiesInOrder.map(\.name) == ["standard", "web", "mail"])
  }

  @Test(arguments: [
    (HostOrder.name, ["mail", "web2", "web10"]), (.label("rank"), ["web10", "web2", "mail"]),
    (.failedFirst, ["web10", "mail", "web2"]),
  ])
  func `hosts go in the order of their policy`(order: HostOrder, expected: [Host.Name]) throws {
    var snapshot = try snapshot()
    snapshot.backoffs["standard"] = ["web10": try backoff("web10", .rolledBack, in: snapshot)]
    snapshot.hosts[0].labels = ["rank": "2"]
    snapshot.hosts[1].labels = ["rank": "10"]
    var policy = RolloutPolicy.standard
    policy.order = order
    snapshot.policies = [policy]
    #expect(plans(snapshot)[0].visits.map(\.host.name) == expected)
  }

  @Test func `a certificate must be replaced before it ends, or when its CA says so`() throws {
    var snapshot = try snapshot()
    snapshot.kept = ["mail": ["a": certificate("a", 1, validFor: 9)]]
    func deadline() -> Date? { plans(snapshot)[0].visits[0].certificates[0].deadline }
    #expect(deadline() == now.addingTimeInterval(9 * 86400))
    snapshot.advice["a"] = RenewalAdvice(
      generation: Generation(1), window: DateInterval(start: now, duration: 3600), moment: nil, askAgain: now)
    #expect(deadline() == now.addingTimeInterval(3600))
    snapshot.advice["a"]?.generation = Generation(2)
    #expect(deadline() == now.addingTimeInterval(9 * 86400))
  }
}
