import Agents
import Engine
import Fleet
import Foundation
import Synchronization
import struct Fleet.Host

/// Hosts in this process, of which each takes the time that a real one would: what is left are the controllers and their database.
struct SimulatedFleet: Connector, Probe, LocalHooks, Materials {
  /// A login over a network.
  static let login = Duration.milliseconds(120)...Duration.milliseconds(300)
  /// A question and its answer.
  static let roundTrip = Duration.milliseconds(10)...Duration.milliseconds(60)
  /// A hook that has a server reload.
  static let hook = Duration.milliseconds(200)...Duration.milliseconds(600)
  /// One of so many is slow.
  static let slowOnes = 100
  static let slowHook = Duration.seconds(5)

  func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
    await Self.pass(.random(in: Self.login))
    return SimulatedHost()
  }

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
    await Self.pass(.random(in: Self.roundTrip))
    return ServedLeaf(SimulatedPlan.fingerprint)
  }

  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
    LocalHookResult(outcome: .succeeded)
  }

  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials { .init() }

  static func pass(_ time: Duration) async { try? await Task.sleep(for: time) }
}

extension Duration {
  fileprivate static func random(in range: ClosedRange<Duration>) -> Duration {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double.random(in: 0...1)
  }
}

/// What the agent of one says in a visit that succeeds.
private final class SimulatedHost: CommandChannel {
  private typealias Line = (text: String, after: Duration)
  private let state = Mutex((lines: [Line](), nonce: ""))

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    let text = String(decoding: bytes, as: UTF8.self)
    let trip = Duration.random(in: SimulatedFleet.roundTrip)
    state.withLock { state in
      guard let start = text.range(of: "\ncertfleet_main ") else {
        if text.contains(" commit") {
          state.lines = [("step post \(SimulatedPlan.name) 1 ok 0", trip), ("end ok", .zero)]
        }
        return
      }
      state.nonce = String(text[start.upperBound...].prefix { $0 != " " })
      let isSlow = Int.random(in: 1...SimulatedFleet.slowOnes) == 1
      let steps = ["preflight -", "stage \(SimulatedPlan.name)", "activate \(SimulatedPlan.name)"]
      state.lines = [("hello \(AgentScript.version) 0", trip)] + steps.map { ("step \($0) - ok 0", .zero) }
      state.lines += [
        (
          "step deploy \(SimulatedPlan.name) 0 ok 0",
          isSlow ? SimulatedFleet.slowHook : .random(in: SimulatedFleet.hook)
        ), ("await 30", .zero),
      ]
    }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    let (line, nonce) = state.withLock { state in
      (state.lines.isEmpty ? nil : state.lines.removeFirst(), state.nonce)
    }
    guard let line else { throw ConnectionLost(reason: "it has said everything") }
    if line.after > .zero { await SimulatedFleet.pass(line.after) }
    return .stdout(Array("@certfleet \(nonce) 0 \(line.text)\n".utf8))
  }

  func close() async {}
}

/// A renewed certificate for all of them, in one wave.
enum SimulatedPlan {
  static let name = "www.example.com"
  static let fingerprint = Fingerprint(String(repeating: "2", count: 64))

  static func make(hosts: Int, parallel: Int) -> Plan {
    let former = PlannedCertificate.Former(
      generation: Generation(1), fingerprint: Fingerprint(String(repeating: "1", count: 64)),
      servesUntil: .distantFuture)
    let question = TLSQuestion(port: 443, address: nil, serverName: name, startTLS: nil)
    let certificate = PlannedCertificate(
      lineage: Lineage.Name(name), generation: Generation(2), fingerprint: fingerprint, domains: [name],
      hooks: Hooks(deploy: [Hook(command: "@nginx")], post: [Hook(command: "logger renewed")]),
      verify: [Verification(.tls(question), from: .controller)], replaces: former)
    let policy = RolloutPolicy(
      name: "everywhere", waves: [], parallel: parallel, maxFailed: .percent(1), maxUnreachable: .percent(5))
    let visits = (1...hosts).map { number in
      PlannedVisit(
        host: Host(
          name: Host.Name("web\(number).eu.example.net"),
          address: "10.\(number / 65536).\(number / 256 % 256).\(number % 256)", hasAgent: true,
          labels: ["role": "web", "rack": "r\(number % 40)"]),
        certificates: [certificate])
    }
    return Plan(policy: policy, waves: [PlannedWave(visits, by: WaveRule(take: .rest))])
  }
}
