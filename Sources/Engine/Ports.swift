package import Agents
package import Fleet
package import FoundationEssentials
package import System

/// What the engine needs of the world. It imports neither SSH nor SQLite nor OpenSSL: they are wired to these.

/// Makes connections to hosts.
package protocol Connector: Sendable {
  /// Where its connections live. A visit that runs there too changes no thread at each frame; `nil` is anywhere.
  var executor: (any TaskExecutor)? { get }

  /// Connects, logs in and starts the agent's command.
  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel
}

extension Connector {
  package var executor: (any TaskExecutor)? { nil }
}

/// A command on a host, as two streams.
package protocol CommandChannel: Sendable {
  func send(_ bytes: [UInt8]) async throws(ConnectionLost)
  /// - Throws: when nothing came in that time, too.
  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput
  func close() async
}

package enum ChannelOutput: Sendable {
  case stdout([UInt8])
  case stderr([UInt8])
  case ended(status: Int)
}

/// The host's shell was not reached, so nothing was done there.
package struct ConnectFailure: Error, Sendable {
  package let reason: String
  /// Whether another try may succeed; a changed host key or a refused login will not.
  package let isPassing: Bool
  /// Whether the host is there and takes no more connections now: it is tried for longer.
  package let isBusy: Bool

  package init(reason: String, isPassing: Bool, isBusy: Bool = false) {
    self.reason = reason
    self.isPassing = isPassing
    self.isBusy = isBusy
  }
}

extension ConnectFailure: CustomStringConvertible {
  package var description: String { reason }
}

package struct ConnectionLost: Error, Sendable {
  package let reason: String
  /// Whether the host runs no command at all, so that nothing was done there.
  package let isNothingDone: Bool

  package init(reason: String, isNothingDone: Bool = false) {
    self.reason = reason
    self.isNothingDone = isNothingDone
  }
}

/// Asks a host what it serves.
package protocol Probe: Sendable {
  /// - Throws: `NoAnswer`, when there was nothing to compare.
  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf
  /// The same to a client that takes no other kind of key.
  func served(
    by host: Host, at question: TLSQuestion, with algorithm: ServedLeaf.KeyAlgorithm
  ) async throws(NoAnswer) -> ServedLeaf
}

extension Probe {
  package func served(
    by host: Host, at question: TLSQuestion, with algorithm: ServedLeaf.KeyAlgorithm
  ) async throws(NoAnswer) -> ServedLeaf {
    try await served(by: host, at: question)
  }

  /// Where a server has certificates with several kinds of keys, the one that is expected; else what it serves by itself.
  package func served(
    by host: Host, at question: TLSQuestion, expecting expected: Fingerprint
  ) async throws(NoAnswer) -> ServedLeaf {
    let first = try await served(by: host, at: question)
    guard first.fingerprint != expected else { return first }
    return await others(than: first, by: host, at: question).first { $0.fingerprint == expected } ?? first
  }

  /// What is served beside it to clients that take another kind of key alone.
  package func others(than first: ServedLeaf, by host: Host, at question: TLSQuestion) async -> [ServedLeaf] {
    var others: [ServedLeaf] = []
    for algorithm in ServedLeaf.KeyAlgorithm.allCases where algorithm != first.keyAlgorithm {
      guard let other = try? await served(by: host, at: question, with: algorithm),
        other.fingerprint != first.fingerprint
      else { continue }
      others.append(other)
    }
    return others
  }
}

/// Runs commands of the user's on the controller.
package protocol LocalHooks: Sendable {
  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult
}

package struct LocalHookResult: Hashable, Sendable {
  package let outcome: Outcome
  package let stdout: CapturedOutput
  package let stderr: CapturedOutput

  package init(outcome: Outcome, stdout: CapturedOutput = .empty, stderr: CapturedOutput = .empty) {
    self.outcome = outcome
    self.stdout = stdout
    self.stderr = stderr
  }
}

package struct NoAnswer: Error, Sendable {
  package let reason: String
  /// Whether the controller could not even ask, which says nothing about the host.
  package let isOurs: Bool

  package init(reason: String, isOurs: Bool = false) {
    self.reason = reason
    self.isOurs = isOurs
  }
}

/// The files of a visit's certificates, with their keys.
package protocol Materials: Sendable {
  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials
}

/// Keeps what happened, and knows by it where each rollout stands. When it cannot, nothing more may be done.
package protocol Recorder: Sendable {
  /// Returns when the event is kept.
  ///
  /// - Throws: `RolloutLedger.Refused`, when it may not follow what was recorded before.
  func record(_ event: Event) async throws
  /// - Throws: where nothing would be kept of what this one decides, since another controller does now.
  func requireLead() async throws
  /// For a visit of an epoch of its own: what it says is not kept any more once another controller has taken it over.
  func of(epoch: Int) -> any Recorder
  /// Reads from a rollout's ledger, after all that was recorded.
  func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value
}

extension Recorder {
  package func requireLead() async throws {}
  package func of(epoch: Int) -> any Recorder { self }
}

/// What people say to rollouts while they go on.
package protocol InstructionSource: Sendable {
  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions
}

/// The clock on the wall, which bakes and windows go by, and the one that only goes forward, for patience.
package protocol Timekeeper: Sendable {
  var now: Date { get }
  var uptime: Duration { get }
  /// - Throws: where the task is cancelled, so that no loop goes on without its pauses.
  func pause(for duration: Duration) async throws(CancellationError)
  /// The same, and no longer than until a stop is requested.
  func pause(for duration: Duration, orUntil stop: StopSignal) async throws(CancellationError)
}

extension Timekeeper {
  package func pause(for duration: Duration, orUntil stop: StopSignal) async throws(CancellationError) {
    try await pause(for: duration)
  }
}

package struct SystemTime: Timekeeper {
  package init() {}
  private static let start = ContinuousClock.now
  package var now: Date { Date() }
  package var uptime: Duration { Self.start.duration(to: .now) }
  package func pause(for duration: Duration) async throws(CancellationError) {
    do { try await Task.sleep(for: duration) } catch { throw CancellationError() }
  }
  package func pause(for duration: Duration, orUntil stop: StopSignal) async throws(CancellationError) {
    try await stop.sleep(for: duration)
  }
}

/// Everything that carrying out a rollout needs.
package struct Ports: Sendable {
  package let connector: any Connector
  package let probe: any Probe
  package let localHooks: any LocalHooks
  package let materials: any Materials
  package let recorder: any Recorder
  package let instructions: any InstructionSource
  package let time: any Timekeeper
  /// Nothing new is begun once it is requested.
  package let stop: StopSignal
  /// Counted up for each controller that takes the lease; hosts refuse an older one.
  package let epoch: Int
  /// Who this is to hosts.
  package let controller: ControllerIdentity?
  /// `nil` where this controller makes all visits itself.
  package let carrier: (any VisitCarrier)?

  package init(
    connector: any Connector, probe: any Probe, localHooks: any LocalHooks, materials: any Materials,
    recorder: any Recorder, instructions: any InstructionSource, time: any Timekeeper = SystemTime(),
    stop: StopSignal = StopSignal(),
    epoch: Int, controller: ControllerIdentity? = nil, carrier: (any VisitCarrier)? = nil
  ) {
    self.carrier = carrier
    self.connector = connector
    self.probe = probe
    self.localHooks = localHooks
    self.materials = materials
    self.recorder = recorder
    self.instructions = instructions
    self.time = time
    self.stop = stop
    self.epoch = epoch
    self.controller = controller
  }

  /// The same for a visit of an epoch of its own.
  package func of(epoch: Int) -> Ports {
    Ports(
      connector: connector, probe: probe, localHooks: localHooks, materials: materials,
      recorder: recorder.of(epoch: epoch), instructions: instructions, time: time, stop: stop, epoch: epoch,
      controller: controller)
  }
}
