import Agents
import Engine
import Fleet
import Foundation
import Storage
import Synchronization
import System
import struct Fleet.Host

/// Hosts, a clock, people and a disk that do as chance tells them: everything around the engine and the store.
final class ModelWorld: Connector, Probe, LocalHooks, Materials, Recorder, InstructionSource, Timekeeper {
  let store: Store
  private let state: Shared
  /// Events that this controller may still record before it is killed; `nil` when it lives on.
  let eventsLeft = Mutex<Int?>(nil)

  /// What all controllers see.
  private final class Shared: Sendable {
    let state: Mutex<State>
    init(_ state: sending State) { self.state = Mutex(state) }
  }

  struct State {
    var random: SeededRandom
    var hosts: [Host.Name: ModelHost] = [:]
    /// How likely trouble is in this run, out of 100.
    var trouble: Int
    var clock = Date(timeIntervalSince1970: 1_800_000_000)
    var uptime = Duration.zero
    /// Whom ^C is sent to, and how many events later.
    var interrupt: (stop: StopSignal, after: Int)?
    var openVisits: [Host.Name: Int] = [:]
    var faults: [String] = []
    /// What ran on the controller: `pre 1`, `post 1` for a wave; `pre 0`, `post 0` around the rollout.
    var hooks: [String] = []
    var isSteered: Bool
    var elsewhere: Set<Host.Name> = []
  }

  struct Killed: Error {}

  init(store: Store, random: SeededRandom, trouble: Int, isSteered: Bool) {
    self.store = store
    state = Shared(State(random: random, trouble: trouble, isSteered: isSteered))
  }

  /// The same world, for another controller.
  init(_ other: ModelWorld, store: Store) { (self.store, state) = (store, other.state) }

  func with<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
    state.state.withLock(body)
  }

  // MARK: Hosts

  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    let failure = with { state -> ConnectFailure? in
      guard state.random.chance(state.trouble / 3) else { return nil }
      return ConnectFailure(reason: "nobody there", isPassing: state.random.chance(80))
    }
    if let failure { throw failure }
    return ModelConversation(world: self, host: host.name)
  }

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
    let answer = with { state -> Result<ServedLeaf, NoAnswer> in
      if state.random.chance(state.trouble / 10) { return .failure(NoAnswer(reason: "refused")) }
      if state.random.chance(state.trouble / 20) { return .failure(NoAnswer(reason: "EMFILE", isOurs: true)) }
      // Its server names other files than ours, and shows the same whatever is delivered.
      if state.elsewhere.contains(host.name) { return .success(ServedLeaf("elsewhere")) }
      return .success(ServedLeaf(Fingerprint("g\(state.hosts[host.name, default: ModelHost()].active)")))
    }
    switch answer {
    case .success(let leaf): return leaf
    case .failure(let failure): throw failure
    }
  }

  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
    with { state in
      state.hooks.append("\(command) \(environment["CERTFLEET_WAVE"] ?? "0")")
      return LocalHookResult(outcome: state.random.chance(state.trouble / 20) ? .exited(1) : .succeeded)
    }
  }

  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials { .init() }

  // MARK: Time

  var now: Date { with { $0.clock } }
  var uptime: Duration { with { $0.uptime } }

  func pause(for duration: Duration) async { pass(duration) }

  private func pass(_ duration: Duration) {
    with { state in
      state.clock += duration.seconds
      state.uptime += duration
    }
  }

  // MARK: The disk, and people

  /// Killed before an event is kept, or after it: the next controller sees what is on the disk.
  func record(_ event: Event) async throws { try await record(event, epoch: nil) }

  func of(epoch: Int) -> any Recorder { Taken(world: self, epoch: epoch) }

  /// Of a visit that several controllers share.
  private struct Taken: Recorder {
    let world: ModelWorld
    let epoch: Int
    func record(_ event: Event) async throws { try await world.record(event, epoch: epoch) }
    func read<Value: Sendable>(
      _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
    ) async throws -> Value { try await world.read(rollout, query) }
  }

  private func record(_ event: Event, epoch: Int?) async throws {
    pass(.milliseconds(with { $0.random.number(below: 900) }))
    let (isKept, goesOn) = with { state -> (Bool, Bool) in
      if let interrupt = state.interrupt {
        if interrupt.after == 0 { interrupt.stop.request() }
        state.interrupt?.after -= 1
      }
      let left = eventsLeft.withLock { left in
        defer { left = left.map { $0 - 1 } }
        return left
      }
      guard let left else { return (true, true) }
      if left == 0 { return (state.random.chance(50), false) }
      return (left > 0, left > 0)
    }
    if isKept { try await store.record(event, epoch: epoch) }
    if !goesOn { throw Killed() }
  }

  func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value {
    try await store.read(rollout, query)
  }

  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions {
    let said = with { state -> Instruction? in
      guard state.isSteered, state.random.chance(4) else { return nil }
      return state.random.chance(25) ? .cancel : .pause
    }
    if let said { try await say(said, to: rollout) }
    return try await store.instructions(for: rollout)
  }

  func say(_ instruction: Instruction, to rollout: Rollout.ID) async throws {
    try await store.record(
      Event(
        at: now, subject: .init(rollout: rollout), kind: .instructed(instruction, by: "chance", why: "")))
  }

  func ports(_ stop: StopSignal, _ carrier: (any VisitCarrier)? = nil) -> Ports {
    Ports(
      connector: self, probe: self, localHooks: self, materials: self, recorder: self, instructions: self,
      time: self, stop: stop, epoch: 1, carrier: carrier)
  }
}

/// The same sequence for the same seed (Steele, Lea, Flood: SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func number(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  mutating func chance(_ percent: Int) -> Bool { number(below: 100) < percent }
  mutating func one<Element>(of elements: [Element]) -> Element { elements[number(below: elements.count)] }
}
