import Agents
import Engine
import Fleet
import Foundation
import PKI
import Planning
import Storage
import Synchronization
import System
import ThrowawayFleet
import struct Fleet.Host

/// Hosts that drift and change hands, and a state that is looked at, copied and restored, as chance tells them.
final class FleetModel: Connector, Probe, LocalHooks, Materials, InstructionSource {
  /// What is truly there.
  struct TrueHost: Hashable {
    var generation = 0
    var fingerprint = ""
    var isDamaged = false
    var owner = ""
    var epoch = 0
    var ends: [String: String] = [:]
  }

  struct State {
    var hosts: [Host.Name: TrueHost] = [:]
    var random: SeededRandom
    var trouble: Int
    var faults: [String] = []
  }

  private let state: Mutex<State>

  init(_ hosts: [Host.Name], random: SeededRandom, trouble: Int) {
    state = Mutex(
      State(
        hosts: Dictionary(uniqueKeysWithValues: hosts.map { ($0, TrueHost()) }), random: random,
        trouble: trouble))
  }

  func with<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
    state.withLock(body)
  }

  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    let isOff = with { $0.random.chance($0.trouble / 3) }
    if isOff { throw ConnectFailure(reason: "nobody there", isPassing: false) }
    return FleetModelChannel(self, host.name)
  }

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
    throw NoAnswer(reason: "there is none")
  }

  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
    LocalHookResult(outcome: .succeeded)
  }

  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials { .init() }

  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions {
    var orders = OperatorInstructions()
    orders.approvedWaves = Set(1...9)
    return orders
  }

  /// What the agent does with a request, by its rules.
  func answer(_ host: Host.Name, _ records: [[String]]) -> String {
    func record(_ key: String) -> [String] { records.first { $0.first == key } ?? [] }
    let (visit, certificate, asker) = (record("visit"), record("cert"), record("controller"))
    let (token, epoch) = (visit[1], Int(visit[2]) ?? 0)
    let (generation, fingerprint) = (Int(certificate[2]) ?? 0, certificate[3])
    return with { state in
      var model = state.hosts[host, default: TrueHost()]
      defer { state.hosts[host] = model }
      if !model.owner.isEmpty, model.owner != asker[1] {
        return "failed_clean this base belongs to the controller \(model.owner)"
      }
      if epoch < model.epoch {
        state.faults.append("\(host) was asked with epoch \(epoch), and has seen \(model.epoch)")
        return "failed_clean older epoch"
      }
      (model.owner, model.epoch) = (asker[1], epoch)
      if model.generation > generation {
        state.faults.append("\(host) has \(model.generation), and was to get \(generation)")
        return "failed_clean newer is here"
      }
      // Another generation comes beside it.
      let isOther =
        model.generation == generation && (model.fingerprint != fingerprint || model.isDamaged)
      if isOther, !records.contains(where: { $0.first == "mend" }) { return "failed_clean holds another" }
      if state.random.chance(state.trouble / 4) { return "rolled_back deploy hook failed" }
      (model.generation, model.fingerprint, model.isDamaged) = (generation, fingerprint, false)
      model.ends[token] = "ok"
      return "ok"
    }
  }

  /// As a look would see it.
  func seen(_ host: Host.Name) -> SeenOnDisk {
    let model = with { $0.hosts[host, default: TrueHost()] }
    guard model.generation > 0 else { return SeenOnDisk(link: .nothing) }
    let certificate = SeenCertificate(
      fingerprint: Fingerprint(model.fingerprint), names: ["x"], notBefore: .distantPast,
      notAfter: .distantFuture)
    return SeenOnDisk(
      link: .generation(Generation(model.generation)), certificate: certificate,
      key: model.isDamaged ? .no : .yes)
  }
}

private final class FleetModelChannel: CommandChannel {
  private let model: FleetModel
  private let host: Host.Name
  private let lines = Mutex<[String]>([])

  init(_ model: FleetModel, _ host: Host.Name) { (self.model, self.host) = (model, host) }

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let start = text.range(of: "\ncertfleet_main ") else { return }
    let nonce = text[start.upperBound...].split(separator: " ")[0]
    let records = text[..<start.lowerBound].split(separator: "\n").map { line in
      line.replacing("certfleet_request='", with: "").replacing("'", with: "").split(separator: " ").map(
        String.init)
    }
    let end = model.answer(host, records)
    var frames = ["hello \(AgentScript.version) 0"]
    if end == "ok" { frames += ["preflight -", "stage x", "activate x"].map { "step \($0) - ok 0" } }
    let said = (frames + ["end \(end)"]).map { "@certfleet \(nonce) 0 \($0)\n" }
    lines.withLock { $0 = said }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    guard let line = lines.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
      throw ConnectionLost(reason: "reset by peer")
    }
    return .stdout(Array(line.utf8))
  }

  func close() async {}
}

/// Keeps in whichever store is the controller's now.
struct FleetModelRecorder: Recorder {
  let store: Store

  func record(_ event: Event) async throws { try await store.record(event) }

  func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value { try await store.read(rollout, query) }
}
