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
  private let state: Mutex<State>

  struct State {
    var random: SeededRandom
    var hosts: [Host.Name: ModelHost] = [:]
    /// How likely trouble is in this run, out of 100.
    var trouble: Int
    var clock = Date(timeIntervalSince1970: 1_800_000_000)
    var uptime = Duration.zero
    /// Events that this controller may still record before it is killed; `nil` when it lives on.
    var eventsLeft: Int?
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
    state = Mutex(State(random: random, trouble: trouble, isSteered: isSteered))
  }

  func with<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
    state.withLock(body)
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
  func record(_ event: Event) async throws {
    pass(.milliseconds(with { $0.random.number(below: 900) }))
    let (isKept, goesOn) = with { state -> (Bool, Bool) in
      if let interrupt = state.interrupt {
        if interrupt.after == 0 { interrupt.stop.request() }
        state.interrupt?.after -= 1
      }
      guard let left = state.eventsLeft else { return (true, true) }
      state.eventsLeft = left - 1
      if left == 0 { return (state.random.chance(50), false) }
      return (left > 0, left > 0)
    }
    if isKept { try await store.record(event) }
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

  func ports(_ stop: StopSignal) -> Ports {
    Ports(
      connector: self, probe: self, localHooks: self, materials: self, recorder: self, instructions: self,
      time: self, stop: stop, epoch: 1)
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
