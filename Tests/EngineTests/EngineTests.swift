import Agents
import Engine
import Fleet
import Foundation
import Synchronization
import System
import Testing
import struct Fleet.Host

/// Hosts that answer as told: what cannot be provoked on real ones, by name.
final class StagedHosts: Connector, Probe, LocalHooks, Materials, Recorder, InstructionSource {
  enum Behaviour: Sendable {
    case ok, rolledBack, unreachable, refused, silent, cut(afterwards: String), noAgent, chatter
    /// Everything in one piece, as a slow network delivers it.
    case atOnce
    /// Waits for the controller's word.
    case awaits
  }

  let behaviours: [Host.Name: Behaviour]
  /// What hosts serve, where it is not the new certificate.
  let serves = Mutex<[Host.Name: Fingerprint]>([:])
  private let state = Mutex(State())

  struct State {
    var events: [Event] = []
    var ledger = RolloutLedger(waves: 0)
    var commands: [String] = []
    var environments: [[String: String]] = []
    var open = 0
    var mostOpen = 0
  }

  /// Whom connections are counted with.
  private let neighbour: StagedHosts?

  private let takesTime: Bool

  init(
    _ behaviours: [Host.Name: Behaviour] = [:], takesTime: Bool = false, sharing neighbour: StagedHosts? = nil
  ) {
    self.behaviours = behaviours
    self.takesTime = takesTime
    self.neighbour = neighbour
  }

  var events: [Event] { state.withLock { $0.events } }
  var mostAtOnce: Int { state.withLock { $0.mostOpen } }
  /// What ran on the controller, with the hosts that it was told of.
  var commands: [String] { state.withLock { $0.commands } }
  var environments: [[String: String]] { state.withLock { $0.environments } }

  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    switch behaviours[host.name] ?? .ok {
    case .unreachable: throw ConnectFailure(reason: "nobody there", isPassing: true)
    case .refused: throw ConnectFailure(reason: "host key changed", isPassing: false)
    default: break
    }
    let counting = neighbour ?? self
    counting.state.withLock {
      $0.open += 1
      $0.mostOpen = max($0.mostOpen, $0.open)
    }
    // So that several are there at once.
    if takesTime { try? await Task.sleep(for: .milliseconds(5)) }
    return StagedConversation(behaviour: behaviours[host.name] ?? .ok) {
      counting.state.withLock { $0.open -= 1 }
    }
  }

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
    ServedLeaf(serves.withLock { $0[host.name] } ?? "new")
  }
  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
    state.withLock {
      $0.commands.append("\(command) \(environment["CERTFLEET_HOSTS"] ?? "")")
      $0.environments.append(environment)
    }
    return LocalHookResult(outcome: command.contains("broken") ? .exited(1) : .succeeded)
  }
  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials { .init() }
  func record(_ event: Event) async throws {
    try state.withLock { state in
      try state.ledger.apply(event)
      state.events.append(event)
    }
  }
  func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value { query(state.withLock(\.ledger)) }
  func begin(at ledger: RolloutLedger) { state.withLock { $0.ledger = ledger } }
  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions { OperatorInstructions() }

  func ports(_ stop: StopSignal) -> Ports {
    Ports(
      connector: self, probe: self, localHooks: self, materials: self, recorder: self, instructions: self,
      stop: stop, epoch: 1)
  }
}

final class StagedConversation: CommandChannel {
  private let behaviour: StagedHosts.Behaviour
  private let closed: @Sendable () -> Void
  private let lines = Mutex<[String]>([])

  init(behaviour: StagedHosts.Behaviour, closed: @escaping @Sendable () -> Void) {
    self.behaviour = behaviour
    self.closed = closed
  }

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let start = text.range(of: "\ncertfleet_main ") else {
      guard case .awaits = behaviour else { return }
      let nonce = text.split(separator: " ")[0]
      let end = text.contains(" commit") ? "end ok" : "end rolled_back it was told to"
      return lines.withLock { $0.append("@certfleet \(nonce) 0 \(end)\n") }
    }
    let words = text[start.upperBound...].split(separator: " ")
    let frame = "@certfleet \(words[0]) 0 "
    let isQuery = words[2] == "query"
    let hello = "hello \(AgentScript.version) 0"
    let done = ["preflight -", "stage x", "activate x"].map { "step \($0) - ok 0" }
    let said: [String] =
      switch behaviour {
      case .ok:
        isQuery
          ? [hello, "end unknown_token"] : [hello] + done + ["step deploy x - ok 0", "end ok"]
      case .rolledBack: [hello] + done + ["step deploy x - exit 2", "end rolled_back deploy failed"]
      case .silent: [hello]
      case .awaits: [hello] + done + ["step deploy x - ok 0", "await 60"]
      case .chatter: [hello] + done + Array(repeating: "step deploy x - ok 0", count: 10_000)
      case .cut(let afterwards):
        isQuery ? [hello, "end \(afterwards)"] : [hello] + done + ["begin deploy x - 0"]
      case .noAgent, .unreachable, .refused, .atOnce: []
      }
    lines.withLock { $0 = said.map { frame + $0 + "\n" } }
    if case .atOnce = behaviour {
      let words = String(words[0])
      let streams = [("pre", "first"), ("deploy", "second")].map { step, word in
        """
        \(frame)begin \(step) - - 0
        @certfleet \(words) \(word.utf8.count) output stderr \(word.utf8.count)
        \(word)
        \(frame)step \(step) - - exit 1

        """
      }
      let before = ([hello] + done).map { frame + $0 + "\n" }.joined()
      lines.withLock {
        $0 = [
          before.replacing("\(frame)step activate", with: streams[0] + frame + "step activate")
            + streams[1] + frame + "end degraded\n"
        ]
      }
    }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    if let line = lines.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return .stdout(Array(line.utf8)) }
    if case .noAgent = behaviour { return .ended(status: 1) }
    throw ConnectionLost(reason: "reset by peer")
  }

  func close() async { closed() }
}

@Suite struct RolloutRunnerTests {
  private func plan(
    _ waves: [Int], parallel: Int = 3, maxFailed: Limit = .count(0), maxUnreachable: Limit = .count(0),
    hooks: Hooks = Hooks()
  ) -> Plan {
    var number = 0
    let policy = RolloutPolicy(
      name: "p", waves: [], parallel: parallel, maxFailed: maxFailed, maxUnreachable: maxUnreachable)
    return Plan(
      policy: policy,
      waves: waves.map { count in
        PlannedWave(
          (0..<count).map { _ in
            number += 1
            let certificate = PlannedCertificate(
              lineage: "x", generation: Generation(1), fingerprint: "new", domains: [], hooks: hooks,
              verify: [])
            return PlannedVisit(
              host: Host(name: Host.Name("h\(number)"), address: "a"), certificates: [certificate])
          })
      })
  }

  private func run(
    _ plan: Plan, _ hosts: StagedHosts, stop: StopSignal = StopSignal(),
    from ledger: RolloutLedger? = nil
  ) async throws -> RolloutState {
    hosts.begin(at: ledger ?? RolloutLedger(waves: plan.waves.count))
    return try await RolloutRunner(Rollout.ID(1), plan: plan, ports: hosts.ports(stop)).run()
  }

  private func ends(_ hosts: StagedHosts) -> [Host.Name: VisitEnd] {
    hosts.events.reduce(into: [:]) { ends, event in
      if case .visitEnded(let end, _) = event.kind, let host = event.subject.host { ends[host] = end }
    }
  }

  @Test func `waves go in order, each after the one before has passed, at the width of the policy`()
    async throws
  {
    let hosts = StagedHosts()
    #expect(try await run(plan([1, 3, 10]), hosts) == .succeeded)
    let waves = hosts.events.compactMap { event -> Int? in
      if case .visitStarted = event.kind { event.subject.wave } else { nil }
    }
    #expect(waves == waves.sorted() && waves.count == 14)
    #expect(hosts.mostAtOnce <= 3)
    var passed = 0
    for event in hosts.events {
      if case .waveEnded(.passed, _) = event.kind { passed += 1 }
      if case .visitStarted = event.kind { #expect(event.subject.wave == passed + 1) }
    }
  }

  @Test func `hooks on the controller stand around each wave, and the one after it always runs`() async throws
  {
    func hooks(_ pre: String) -> Hooks {
      Hooks(
        pre: [Hook(command: pre, place: .controller)], post: [Hook(command: "undrain", place: .controller)])
    }
    let hosts = StagedHosts()
    #expect(try await run(plan([1, 2], hooks: hooks("drain")), hosts) == .succeeded)
    #expect(hosts.commands == ["drain h1", "undrain h1", "drain h2 h3", "undrain h2 h3"])
    let failing = StagedHosts(["h1": .rolledBack])
    #expect(try await run(plan([1, 2], hooks: hooks("drain")), failing) == .halted)
    #expect(failing.commands == ["drain h1", "undrain h1"])
    let broken = StagedHosts()
    #expect(try await run(plan([1, 2], hooks: hooks("broken drain")), broken) == .halted)
    #expect(broken.commands == ["broken drain h1", "undrain h1"] && broken.mostAtOnce == 0)
  }

  @Test func `a failed canary halts it, and the rest is not started`() async throws {
    let hosts = StagedHosts(["h1": .rolledBack])
    #expect(try await run(plan([1, 4]), hosts) == .halted)
    #expect(ends(hosts) == ["h1": .rolledBack])
    guard case .rolloutEnded(.halted, let reason)? = hosts.events.last?.kind else {
      Issue.record("the rollout has not ended halted: \(String(describing: hosts.events.last))")
      return
    }
    #expect(reason == "wave 1 failed: 1 failed in wave 1, 0 allowed; 4 of 5 hosts were not started")
  }

  @Test func `a broken budget stops filling the window at once`() async throws {
    let hosts = StagedHosts(["h1": .rolledBack, "h2": .rolledBack])
    #expect(try await run(plan([30], parallel: 2, maxFailed: .count(1)), hosts) == .halted)
    // The one beside the second failure may be on its way already.
    let second = try #require(
      hosts.events.lastIndex { if case .visitEnded(.rolledBack, _) = $0.kind { true } else { false } })
    let begun = hosts.events[second...].count { if case .visitStarted = $0.kind { true } else { false } }
    #expect(begun <= 1)
  }

  @Test func `failures within the budget make it partial`() async throws {
    let hosts = StagedHosts(["h2": .rolledBack, "h3": .unreachable])
    #expect(
      try await run(plan([1, 9], maxFailed: .percent(20), maxUnreachable: .count(1)), hosts) == .partial)
    #expect(ends(hosts)["h3"] == .unreachable)
  }

  @Test func `a changed host key is not tried again, and a wave that is nothing else has not passed`()
    async throws
  {
    let hosts = StagedHosts(["h1": .refused])
    #expect(try await run(plan([1]), hosts) == .halted)
    #expect(ends(hosts) == ["h1": .refused])
  }

  /// With a percentage, as the policy without a word has it; in each place of the order.
  @Test(arguments: ["h1", "h2", "h3", "h8"] as [Host.Name], [StagedHosts.Behaviour.unreachable, .refused])
  func `the next host takes the place of one that is not reached`(
    lost: Host.Name, how: StagedHosts.Behaviour
  ) async throws {
    var plan = plan([1, 1, 6], maxUnreachable: .percent(10))
    plan.waves[0].rule.take = .count(1)
    plan.waves[1].rule.take = .count(1)
    let hosts = StagedHosts([lost: how])
    #expect(try await run(plan, hosts) == .partial)
    #expect(ends(hosts).filter { $0.value != .ok }.map(\.key) == [lost])
    // Each wave had a host that succeeded, before the next one began.
    var good: [Int: Int] = [:]
    for event in hosts.events {
      if case .visitEnded(.ok, _) = event.kind { good[event.subject.wave ?? 0, default: 0] += 1 }
      if case .waveEnded(.passed, _) = event.kind {
        #expect(good[event.subject.wave ?? 0, default: 0] >= 1)
      }
    }
    #expect(good.values.reduce(0, +) == 7 && good[1] == 1)
  }

  @Test func `beyond the budget nobody takes a place, and hooks on the controller stand around who does`()
    async throws
  {
    let hooks = Hooks(
      pre: [Hook(command: "drain", place: .controller)], post: [Hook(command: "undrain", place: .controller)])
    var plan = plan([1, 3], maxUnreachable: .count(1), hooks: hooks)
    plan.waves[0].rule.take = .count(1)
    let one = StagedHosts(["h1": .unreachable])
    #expect(try await run(plan, one) == .partial)
    #expect(
      one.commands == ["drain h1", "undrain h1", "drain h2", "undrain h2", "drain h3 h4", "undrain h3 h4"])
    let two = StagedHosts(["h1": .unreachable, "h2": .unreachable])
    #expect(try await run(plan, two) == .halted)
    #expect(ends(two).keys.sorted() == ["h1", "h2"])
  }

  @Test func `rollouts side by side visit no more hosts at once than their policy allows all`() async throws {
    let plan = plan([8], parallel: 3)
    let limits = SharedVisitLimits(of: plan.policy)
    let one = StagedHosts(takesTime: true)
    one.begin(at: RolloutLedger(waves: 1))
    let other = StagedHosts(takesTime: true, sharing: one)
    other.begin(at: RolloutLedger(waves: 1))
    async let first = RolloutRunner(
      Rollout.ID(1), plan: plan, ports: one.ports(StopSignal()), sharing: limits
    )
    .run()
    async let second = RolloutRunner(
      Rollout.ID(2), plan: plan, ports: other.ports(StopSignal()), sharing: limits
    ).run()
    #expect(try await [first, second] == [.succeeded, .succeeded])
    #expect(ends(one).count == 8 && ends(other).count == 8)
    #expect(one.mostAtOnce == 3)
  }

  @Test(arguments: [
    ("ok", VisitEnd.ok), ("degraded post failed", .degraded), ("unknown_token", .unreachable),
    ("rolled_back no word", .rolledBack),
  ])
  func `a lost connection is followed by a question`(answer: String, end: VisitEnd) async throws {
    let hosts = StagedHosts(["h1": .cut(afterwards: answer)])
    _ = try await run(plan([1]), hosts)
    #expect(ends(hosts) == ["h1": end])
  }

  @Test func `a host that cannot be asked is unknown, and a wave does not pass with it`() async throws {
    let hosts = StagedHosts(["h1": .silent])
    #expect(try await run(plan([1, 1]), hosts) == .halted)
    #expect(ends(hosts) == ["h1": .unknown])
  }

  @Test func `a host that talks for ever is not listened to for ever`() async throws {
    let hosts = StagedHosts(["h1": .chatter])
    #expect(try await run(plan([1]), hosts) == .halted)
    #expect(ends(hosts) == ["h1": .unknown])
    #expect(hosts.events.count < 300)
  }

  @Test func `what a hook said stays with its step, however the frames arrive`() async throws {
    let hosts = StagedHosts(["h1": .atOnce])
    #expect(try await run(plan([1]), hosts) == .succeeded)
    let said = hosts.events.compactMap { event in
      if case .step(let result) = event.kind, !result.outcome.isSuccess {
        result.step.rawValue + result.stderr.text
      } else {
        nil
      }
    }
    #expect(said == ["prefirst", "deploysecond"])
  }

  @Test func `an exit status without a frame is no success`() async throws {
    let hosts = StagedHosts(["h1": .noAgent])
    #expect(try await run(plan([1]), hosts) == .halted)
    #expect(ends(hosts) == ["h1": .refused])
  }

  @Test func `a stop starts nothing more and leaves the rollout to be continued`() async throws {
    let hosts = StagedHosts()
    let stop = StopSignal()
    stop.request()
    #expect(try await run(plan([1, 4]), hosts, stop: stop) == .planned)
    #expect(hosts.events.isEmpty)
  }

  @Test func `a continued rollout does only what is left, as the next attempt`() async throws {
    let hosts = StagedHosts()
    var ledger = RolloutLedger(waves: 2)
    ledger.state = .running
    ledger.waves[0].state = .passed
    ledger.waves[1].state = .running
    ledger.visits["h1"] = .init(wave: 1, attempt: 1, token: "a", end: .ok)
    ledger.visits["h2"] = .init(wave: 2, attempt: 1, token: "b", end: .ok)
    // The host answers that the visit that the crash cut off never began there.
    ledger.visits["h3"] = .init(wave: 2, attempt: 1, token: "c")
    #expect(try await run(plan([1, 4]), hosts, from: ledger) == .succeeded)
    let begun = hosts.events.compactMap { event -> String? in
      if case .visitStarted = event.kind {
        "\(event.subject.host?.rawValue ?? "")/\(event.subject.attempt ?? 0)"
      } else {
        nil
      }
    }
    #expect(Set(begun) == ["h3/2", "h4/1", "h5/1"])
  }

  @Test func `hooks around the rollout learn which hosts got there, and a broken one begins nothing`()
    async throws
  {
    var plan = plan([1, 3], maxFailed: .count(1), maxUnreachable: .count(1))
    plan.policy.hooks = Hooks(
      pre: [Hook(command: "announce", place: .controller)], post: [Hook(command: "tell", place: .controller)])
    let hosts = StagedHosts(["h3": .rolledBack, "h4": .unreachable])
    #expect(try await run(plan, hosts) == .partial)
    #expect(hosts.commands == ["announce h1 h2 h3 h4", "tell h1 h2 h3 h4"])
    #expect(hosts.environments.last?["CERTFLEET_STATE"] == "partial")
    #expect(hosts.environments.last?["CERTFLEET_OK_HOSTS"] == "h1 h2")
    #expect(hosts.environments.last?["CERTFLEET_FAILED_HOSTS"] == "h3")
    #expect(hosts.environments.last?["CERTFLEET_UNREACHABLE_HOSTS"] == "h4")
    plan.policy.hooks.pre = [Hook(command: "broken announce", place: .controller)]
    let untouched = StagedHosts()
    #expect(try await run(plan, untouched) == .halted)
    #expect(untouched.mostAtOnce == 0 && untouched.commands.last == "tell h1 h2 h3 h4")
  }

  @Test func `of a group no more are at work than its limit says, and others do not wait for them`()
    async throws
  {
    var plan = plan([6], parallel: 6)
    for index in plan.waves[0].visits.indices {
      plan.waves[0].visits[index].host.labels = ["rack": index < 4 ? "a" : "b"]
    }
    plan.policy.limits = [ParallelLimit(1, .per(label: "rack"))]
    let hosts = StagedHosts()
    #expect(try await run(plan, hosts) == .succeeded)
    #expect(hosts.mostAtOnce <= 2)
    plan.policy.limits = [ParallelLimit(1, .among(try Selector("rack=a")))]
    let others = StagedHosts()
    #expect(try await run(plan, others) == .succeeded)
    #expect(others.mostAtOnce <= 3)
  }
}
