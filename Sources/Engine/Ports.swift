public import Agents
public import Fleet
public import Foundation
public import struct Fleet.Host

/// What the engine needs of the world. It imports neither SSH nor SQLite nor OpenSSL: they are wired to these.

/// Makes connections to hosts.
public protocol Connector: Sendable {
  /// Where its connections live. A visit that runs there too changes no thread at each frame; `nil` is anywhere.
  var executor: (any TaskExecutor)? { get }

  /// Connects, logs in and starts the agent's command.
  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel
}

extension Connector {
  public var executor: (any TaskExecutor)? { nil }
}

/// A command on a host, as two streams.
public protocol CommandChannel: Sendable {
  func send(_ bytes: [UInt8]) async throws(ConnectionLost)
  /// - Throws: when nothing came in that time, too.
  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput
  func close() async
}

public enum ChannelOutput: Sendable {
  case stdout([UInt8])
  case stderr([UInt8])
  case ended(status: Int)
}

/// The host's shell was not reached, so nothing was done there.
public struct ConnectFailure: Error, Sendable {
  public let reason: String
  /// Whether another try may succeed; a changed host key or a refused login will not.
  public let isPassing: Bool
  /// Whether the host is there and takes no more connections now: it is tried for longer.
  public let isBusy: Bool

  public init(reason: String, isPassing: Bool, isBusy: Bool = false) {
    self.reason = reason
    self.isPassing = isPassing
    self.isBusy = isBusy
  }
}

public struct ConnectionLost: Error, Sendable {
  public let reason: String

  public init(reason: String) { self.reason = reason }
}

/// Asks a host what it serves.
public protocol Probe: Sendable {
  /// - Throws: `NoAnswer`, when there was nothing to compare.
  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> Fingerprint
}

/// Runs commands of the user's on the controller.
public protocol LocalHooks: Sendable {
  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult
}

public struct LocalHookResult: Hashable, Sendable {
  public let outcome: Outcome
  public let stdout: CapturedOutput
  public let stderr: CapturedOutput

  public init(outcome: Outcome, stdout: CapturedOutput = .empty, stderr: CapturedOutput = .empty) {
    self.outcome = outcome
    self.stdout = stdout
    self.stderr = stderr
  }
}

public struct NoAnswer: Error, Sendable {
  public let reason: String
  /// Whether the controller could not even ask, which says nothing about the host.
  public let isOurs: Bool

  public init(reason: String, isOurs: Bool = false) {
    self.reason = reason
    self.isOurs = isOurs
  }
}

/// The files of a visit's certificates, with their keys.
public protocol Materials: Sendable {
  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials
}

/// Keeps what happened. When it cannot, nothing more may be done.
public protocol Recorder: Sendable {
  /// Returns when the event is kept.
  func record(_ event: Event) async throws
}

/// What people say to rollouts while they go on.
public protocol InstructionSource: Sendable {
  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions
}

/// The clock on the wall, which bakes and windows go by, and the one that only goes forward, for patience.
public protocol Timekeeper: Sendable {
  var now: Date { get }
  var uptime: Duration { get }
  /// - Throws: where the task is cancelled, so that no loop goes on without its pauses.
  func pause(for duration: Duration) async throws(CancellationError)
}

public struct SystemTime: Timekeeper {
  public init() {}
  private static let start = ContinuousClock.now
  public var now: Date { Date() }
  public var uptime: Duration { Self.start.duration(to: .now) }
  public func pause(for duration: Duration) async throws(CancellationError) {
    do { try await Task.sleep(for: duration) } catch { throw CancellationError() }
  }
}

/// Everything that carrying out a rollout needs.
public struct Ports: Sendable {
  public let connector: any Connector
  public let probe: any Probe
  public let localHooks: any LocalHooks
  public let materials: any Materials
  public private(set) var recorder: any Recorder
  public let instructions: any InstructionSource
  public let time: any Timekeeper
  /// Counted up for each controller that takes the lease; hosts refuse an older one.
  public let epoch: Int

  public init(
    connector: any Connector, probe: any Probe, localHooks: any LocalHooks, materials: any Materials,
    recorder: any Recorder, instructions: any InstructionSource, time: any Timekeeper = SystemTime(),
    epoch: Int
  ) {
    self.connector = connector
    self.probe = probe
    self.localHooks = localHooks
    self.materials = materials
    self.recorder = recorder
    self.instructions = instructions
    self.time = time
    self.epoch = epoch
  }

  func recording(to recorder: any Recorder) -> Ports {
    var ports = self
    ports.recorder = recorder
    return ports
  }
}
