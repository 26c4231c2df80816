import Engine
import Fleet
import Foundation
import PKI
import Planning
import Storage
import System
import Testing
import ThrowawayFleet
import struct Fleet.Host

/// Drift, looks, claims, backups and restores in any order, through planner, engine and store.
@Suite struct FleetModelTests {
  /// One of them again: CERTFLEET_MODEL_SEED=… swift test --filter FleetModelTests
  private static let seeds: [UInt64] =
    ProcessInfo.processInfo.environment["CERTFLEET_MODEL_SEED"].flatMap(UInt64.init).map { [$0] }
    ?? (0..<60).map { _ in UInt64.random(in: 0...UInt64.max) }

  @Test
  func
    `whatever drifts, is looked at, claimed or restored, no host is taken back and all come to what they should have`()
    async throws
  {
    let pool = try await Self.certificates(10)
    for seed in Self.seeds {
      let scratch = try ScratchFolder()
      var run = try await FleetModelRun(seed: seed, in: scratch.path, pool)
      for _ in 1...25 { try await run.step() }
      let faults = try await run.settle()
      #expect(faults.isEmpty, "seed \(seed): \(faults.joined(separator: "; "))")
      if !faults.isEmpty { break }
    }
  }

  private static func certificates(_ count: Int) async throws -> [(CertificateChain, CertificateKey)] {
    let scratch = try ScratchFolder()
    var all: [(CertificateChain, CertificateKey)] = []
    for _ in 0..<count {
      try await SelfSigned.make("x", in: scratch.path)
      all.append(
        (
          try CertificateChain(pem: Files.read(scratch.path + "/cert.pem")),
          .held(try PrivateKey(pem: Secret(Files.read(scratch.path + "/key.pem"))))
        ))
    }
    return all
  }
}

/// One fleet over many days.
private struct FleetModelRun {
  private let folder: String
  private let hosts: [Host]
  private let model: FleetModel
  private var store: Store
  private var random: SeededRandom
  private var pool: [(CertificateChain, CertificateKey)]
  private var backups: [String] = []

  init(seed: UInt64, in folder: String, _ pool: [(CertificateChain, CertificateKey)]) async throws {
    self.folder = folder
    self.pool = pool
    random = SeededRandom(seed: seed)
    hosts = (1...(random.number(below: 6) + 2)).map {
      Host(name: Host.Name("h\($0)"), address: "a", hasAgent: true)
    }
    model = FleetModel(
      hosts.map(\.name), random: SeededRandom(seed: random.next()), trouble: random.one(of: [0, 20, 50]))
    store = try Store(home: try StateDirectory(path: folder + "/state"))
    let policy = RolloutPolicy(
      name: "p", waves: [.init(take: .count(1)), .init(take: .rest)], parallel: 3, maxFailed: .percent(100),
      maxUnreachable: .percent(100))
    _ = try await store.apply(
      FleetDeclaration(
        hosts: hosts,
        lineages: [
          Lineage(
            name: "x", domains: ["x"], issuer: "ca",
            deployments: [Deployment(selector: try Selector("*"), rollout: "p", hooks: Hooks(), verify: [])])
        ], policies: [policy]), prune: false, dryRun: false, now: Date())
    try await issue()
  }

  mutating func step() async throws {
    let host = random.one(of: hosts).name
    switch random.number(below: 12) {
    case 0: try await issue()
    case 1:
      model.with { state in
        let before = state.hosts[host] ?? .init()
        state.hosts[host] = .init(owner: before.owner, epoch: before.epoch)
      }
    case 2:
      model.with { state in
        if state.hosts[host]?.generation != 0 { state.hosts[host]?.isDamaged = true }
      }
    case 3:
      model.with { state in
        if state.hosts[host]?.generation != 0 { state.hosts[host]?.fingerprint = "somebody's" }
      }
    case 4: try await look(at: hosts.filter { _ in random.chance(50) })
    case 5:
      let path = "\(folder)/backup\(backups.count)"
      _ = try await store.backUp(to: path, withKey: true, home: try home, now: Date())
      backups.append(path)
    case 6 where !backups.isEmpty: try await restore(random.one(of: backups))
    case 7:
      // Somebody else takes it, and it is taken back later.
      model.with { $0.hosts[host]?.owner = "other" }
    case 8: try await claim(host)
    default: try await run()
    }
  }

  /// Nothing goes wrong any more, and everything is looked at and mended.
  mutating func settle() async throws -> [String] {
    model.with { $0.trouble = 0 }
    for host in hosts { try await claim(host.name) }
    for _ in 1...5 {
      try await look(at: hosts)
      try await run()
    }
    try await look(at: hosts)
    var faults = model.with { $0.faults }
    let onHosts = try await store.certificatesOnHosts()
    let newest = try await store.newestCertificates()["x"]?.generation ?? Generation(0)
    for status in try await store.statuses() {
      let has = model.with { $0.hosts[status.host] } ?? .init()
      // What was mended twice within a day is left; everything here happens in one.
      let isLeft = status.drift != nil
      // Nobody can know whose a certificate is that is newer than all that is stored.
      let isUnknown = onHosts[status.host]?["x"]?.fingerprint.rawValue == has.fingerprint
      if has.isDamaged || has.fingerprint == "somebody's" && !isUnknown || has.generation == 0 {
        if status.isConverged { faults.append("\(status.host) is said to be well, and has \(has)") }
      } else if Generation(has.generation) < newest, !isLeft {
        faults.append("\(status.host) has \(has.generation), and \(newest) is wanted")
      }
      if status.isConverged, has.isDamaged || status.active != Generation(has.generation) {
        faults.append(
          "\(status.host) is called good with \(String(describing: status.active)), and has \(has)")
      }
    }
    if try await store.verifyLog().cutOff != nil { faults.append("the log was cut off") }
    return faults
  }

  private var home: StateDirectory { get throws { try StateDirectory(path: folder + "/state") } }

  private mutating func issue() async throws {
    guard !pool.isEmpty else { return }
    try await lookAfterRestore()
    let (chain, key) = pool.removeFirst()
    _ = try await store.add(chain, key: key, to: "x", now: Date())
  }

  private func look(at hosts: [Host]) async throws {
    let (snapshot, identity) = (try await store.planningSnapshot(), try await store.identity())
    let known = try await store.generationsByFingerprint()["x"] ?? [:]
    let sightings = hosts.compactMap { host -> Sighting? in
      let owner = model.with { $0.hosts[host.name]?.owner ?? "" }
      guard owner.isEmpty || owner == identity.id else { return nil }
      return Sighting(of: model.seen(host.name), at: Date(), "x", on: host.name, in: snapshot, known: known)
    }
    _ = try await store.keep(sightings)
    guard try await store.restoredAt() != nil else { return }
    for host in hosts {
      let (owner, epoch) = model.with { ($0.hosts[host.name]?.owner ?? "", $0.hosts[host.name]?.epoch ?? 0) }
      if owner == identity.id { try await store.countOn(from: epoch, now: Date()) }
    }
  }

  private func lookAfterRestore() async throws {
    guard let restoredAt = try await store.restoredAt() else { return }
    let observations = try await store.observations()
    try await look(
      at: hosts.filter { observations[$0.name]?["x"]?.lookedAt.map { $0 < restoredAt } ?? true })
  }

  private mutating func run() async throws {
    try await lookAfterRestore()
    // What is another's is found by looking, and left out; so is what nobody could look at.
    try await look(at: hosts)
    let identity = try await store.identity()
    var request = PlanRequest(ignoresPauses: true)
    request.leftOut = model.with { state in
      Set(state.hosts.filter { !$0.value.owner.isEmpty && $0.value.owner != identity.id }.keys)
    }
    let ports = Ports(
      connector: model, probe: model, localHooks: model, materials: model,
      recorder: FleetModelRecorder(store: store), instructions: model,
      epoch: try await store.beginEpoch(now: Date()), controller: identity)
    for rollout in try await store.openRollouts() {
      _ = try await RolloutRunner(rollout.id, plan: rollout.plan, ports: ports).supersede()
    }
    for plan in Planner.plan(on: try await store.planningSnapshot(), for: request, at: Date()).plans {
      let id = try await store.plan(plan, now: Date())
      _ = try await RolloutRunner(id, plan: plan, ports: ports).run()
    }
  }

  private func claim(_ host: Host.Name) async throws {
    let (identity, epoch) = (try await store.identity(), try await store.beginEpoch(now: Date()))
    let former = model.with { state in
      let former = state.hosts[host]
      var taken = former ?? .init()
      (taken.owner, taken.epoch) = (identity.id, epoch)
      state.hosts[host] = taken
      return former
    }
    if former?.owner == identity.id { try await store.countOn(from: former?.epoch ?? 0, now: Date()) }
    try await look(at: hosts.filter { $0.name == host })
  }

  private mutating func restore(_ path: String) async throws {
    let restore = try Restore(of: path, into: try home, keyPath: nil, now: Date())
    _ = try restore.run(now: Date())
    store = try Store(home: try home)
  }
}
