import Fleet
import Foundation
import Inventory
import Testing
import ThrowawayFleet

@Suite struct PolicyTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func read(_ text: String) throws -> FleetDeclaration {
    try InventoryFiles.read([try scratch.write("f.json5", text)], beside: FleetDeclaration())
  }

  private func everything() throws -> RolloutPolicy {
    try read(
      """
      { hosts: [{name: 'web1', labels: {role: 'canary'}}],
        rollouts: [{name: 'web'}, {name: 'all',
          waves: ['role=canary', {take: 2, bake: '2m', approve: true, parallel: 3, max_failed: 1}, '10%', 'rest'],
          parallel: 9, limits: [{parallel: 2, per: 'rack'}, {parallel: 1, among: 'role=canary'}, {parallel: 50}],
          order: 'label:region', max_failed: '5%', max_unreachable: 3, on_failure: 'revert-wave', after: ['web'],
          window: [{days: 'mon-wed,fri', from: '22:00', to: '4:30', zone: 'Europe/Berlin'}],
          hooks: {pre: 'announce', post: [{run: 'tell', timeout: '5s'}]}}] }
      """
    ).policies[1]
  }

  @Test func `how often hosts are looked at is said by fleet, policy and host, and drift by policy`() throws {
    let fleet = try read(
      """
      { defaults: {look_every: '12h'}, hosts: [{name: 'a', look_every: 'never'}, {name: 'b'}],
        rollouts: [{name: 'web'}, {name: 'own', look_every: '90m', drift: 'report'}] }
      """)
    #expect(fleet.hosts.map(\.lookEvery) == [.never, nil])
    let named = Dictionary(uniqueKeysWithValues: fleet.policies.map { ($0.name, $0) })
    #expect(named["web"]?.lookEvery == .every(.seconds(43200)) && named["web"]?.drift == .mend)
    #expect(named["own"]?.lookEvery == .every(.seconds(5400)) && named["own"]?.drift == .report)
    // What deployments without a policy go by.
    #expect(named["standard"]?.lookEvery == .every(.seconds(43200)))
    for value in ["'often'", "'5s'", "5"] {
      #expect(throws: InvalidInventory.self) { try read("{hosts: [{name: 'a', look_every: \(value)}]}") }
    }
  }

  @Test func `everything that a policy may say is read`() throws {
    let policy = try everything()
    #expect(
      policy.waves == [
        WaveRule(take: .selected(try Selector("role=canary"))),
        WaveRule(
          take: .count(2), bake: .seconds(120), needsApproval: true, parallel: 3, maxFailed: .count(1)),
        WaveRule(take: .percent(10)), WaveRule(take: .rest),
      ])
    #expect(policy.limits.map(\.parallel) == [2, 1, 50] && policy.limits[2].scope == .all)
    #expect(policy.order == .label("region") && policy.onFailure == .revertWave && policy.after == ["web"])
    #expect(policy.windows.map(\.description) == ["mon,tue,wed,fri 22:00-04:30 Europe/Berlin"])
    #expect(policy.hooks.pre.map(\.place) == [.controller] && policy.hooks.post[0].timeout == .seconds(5))
  }

  @Test func `a policy is the same after it was stored`() throws {
    let policy = try everything()
    #expect(try FleetJSON.decode(FleetJSON.canonical(policy), as: RolloutPolicy.self) == policy)
    let bare = try FleetJSON.decode(
      #"{"name":"p","waves":[1,"10%","rest"],"parallel":20,"max_failed":"1%","max_unreachable":"10%"}"#,
      as: RolloutPolicy.self)
    var standard = RolloutPolicy.standard
    standard.name = "p"
    #expect(bare == standard)
  }

  @Test func `what defaults say of rollouts holds where no policy is named, too`() throws {
    let fleet = try read(
      "{defaults: {parallel: 5, limits: [{parallel: 100}]}, rollouts: [{name: 'p', parallel: 7, limits: {parallel: 1, per: 'rack'}}]}"
    )
    #expect(fleet.policies.map(\.name) == ["p", "standard"])
    #expect(fleet.policies.map(\.parallel) == [7, 5])
    #expect(fleet.policies.map { $0.limits.map(\.parallel) } == [[1, 100], [100]])
    #expect(try read("{defaults: {port: 23}}").policies.isEmpty)
  }
}
