import Fleet
import Foundation
import Testing

@Suite struct BackoffTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  @Test func `pauses double from a minute to a day, and what the CA says is never cut short`() {
    var backoff: OrderBackoff?
    var pauses: [Double] = []
    for _ in 1...14 {
      backoff = .after(backoff, reason: "r", caSays: nil, now: now, spread: 1)
      pauses.append(backoff?.retryAt.timeIntervalSince(now) ?? 0)
    }
    #expect(pauses.prefix(4) == [60, 120, 240, 480])
    #expect(pauses.last == 86400 && backoff?.failures == 14)
    let told = OrderBackoff.after(nil, reason: "r", caSays: now.addingTimeInterval(7200), now: now)
    #expect(told.retryAt == now.addingTimeInterval(7200) && told.isCAs)
    let spread = OrderBackoff.after(nil, reason: "r", caSays: nil, now: now)
    #expect((48...60).contains(spread.retryAt.timeIntervalSince(now)))
  }
}

@Suite struct InstanceTests {
  @Test func `a lineage whose keys are made on hosts is one for each host that it goes to`() throws {
    let hosts = [
      Host(name: "web1", address: "a", labels: ["role": "web"]), Host(name: "db", address: "b"),
    ]
    var lineage = Lineage(
      name: "c.example", domains: ["c.example"], issuer: "ca",
      deployments: [Deployment(selector: try Selector("role=web"), rollout: nil, hooks: Hooks(), verify: [])])
    #expect(lineage.instances(on: hosts) == [lineage])
    lineage.key.place = .host
    let instances = lineage.instances(on: hosts)
    #expect(instances.map(\.name) == ["c.example@web1"])
    #expect(instances[0].name.declared == "c.example" && instances[0].name.host == "web1")
    #expect(hosts.map { instances[0].deployments[0].selector.matches($0) } == [true, false])
  }
}
