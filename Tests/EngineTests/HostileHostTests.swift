import Agents
import Fleet
import Foundation
import Synchronization
import Testing
import struct Fleet.Host

@testable import Engine

/// A host that says whatever helps it: that it did well is never its own word.
@Suite struct HostileHostTests {
  /// Says a list of lines, and the same again when it is asked how it ended.
  private final class Liar: Connector, Probe, LocalHooks, Materials, Recorder, InstructionSource {
    private let lines: [String]
    private let answer: [String]
    private let serves: Fingerprint?
    private let recorded = Mutex<[Event]>([])
    let looks = Mutex(0)

    init(_ lines: [String], answer: [String] = ["end ok"], serves: Fingerprint? = nil) {
      self.lines = lines
      self.answer = answer
      self.serves = serves
    }

    var executor: (any TaskExecutor)? { nil }
    var events: [Event] { recorded.withLock { $0 } }

    func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel { Said(lines, answer) }
    func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
      looks.withLock { $0 += 1 }
      guard let serves else { throw NoAnswer(reason: "connection refused") }
      return ServedLeaf(serves)
    }
    func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
      LocalHookResult(outcome: .succeeded)
    }
    func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials { .init() }
    func record(_ event: Event) async throws { recorded.withLock { $0.append(event) } }
    func read<Value: Sendable>(
      _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
    ) async throws -> Value { query(RolloutLedger(waves: 1)) }
    func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions { OperatorInstructions() }

    /// The visit's end.
    func end(verify: Bool, hooks: Hooks = Hooks()) async throws -> (end: VisitEnd, reason: String) {
      let certificate = PlannedCertificate(
        lineage: "x", generation: Generation(2), fingerprint: "new", domains: [], hooks: hooks,
        verify: verify ? [Verification(port: 443, serverName: "x")] : [])
      let visit = Visit(
        planned: PlannedVisit(host: Host(name: "h", address: "a"), certificates: [certificate]),
        rollout: Rollout.ID(1), wave: 1, attempt: 1,
        ports: Ports(
          connector: self, probe: self, localHooks: self, materials: self, recorder: self, instructions: self,
          time: Hasty(), epoch: 1))
      _ = try await visit.run()
      guard case .visitEnded(let end, let reason) = events.last?.kind else { return (.unknown, "no end") }
      return (end, reason)
    }
  }

  private final class Said: CommandChannel {
    private let state: Mutex<(said: [[UInt8]], nonce: String)>
    private let lines: [String]
    private let answer: [String]

    init(_ lines: [String], _ answer: [String]) {
      (self.lines, self.answer) = (lines, answer)
      state = Mutex(([], ""))
    }

    func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
      let text = String(decoding: bytes, as: UTF8.self)
      guard let start = text.range(of: "\ncertfleet_main ") else { return }
      let words = text[start.upperBound...].split(separator: " ")
      let isQuery = words[2] == "query"
      state.withLock { state in
        let said = isQuery ? ["hello \(AgentScript.version) 0"] + answer : lines
        state.said = said.map { Array("@certfleet \(words[0]) 0 \($0)\n".utf8) }
      }
    }

    func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
      guard let next = state.withLock({ $0.said.isEmpty ? nil : $0.said.removeFirst() }) else {
        throw ConnectionLost(reason: "reset by peer")
      }
      return .stdout(next)
    }

    func close() async {}
  }

  private static let hello = "hello \(AgentScript.version) 0"
  private static let work = [
    hello, "step preflight - - ok 0", "step stage x - ok 0", "step activate x - ok 0",
  ]

  @Test func `a host that says that all went well, and no more, is not believed`() async throws {
    let cases: [(lines: [String], reason: String)] = [
      ([Self.hello, "end ok"], "it never told of its preflight"),
      (Self.work.dropLast() + ["end ok"], "it never told that it activated x"),
      (
        [Self.hello, "step preflight - - ok 0", "step activate x - ok 0", "end ok"],
        "it never told that it staged x"
      ),
      (Self.work + ["end ok"], "it never asked what it serves now"),
      (Self.work + ["end degraded a post hook failed"], "it never asked what it serves now"),
      (Self.work + ["await 45", "end ok"], "it was told to go back: tls://a:443 (x): connection refused"),
      (Self.work + ["await 45", "end degraded"], "it was told to go back"),
      (Self.work + ["step deploy x 0 exit 3", "end ok"], "deploy failed: exit status 3"),
      (Self.work + ["step verify x 0 error 1 not served", "end ok"], "verify failed: not served"),
    ]
    for (lines, reason) in cases {
      let (end, said) = try await Liar(lines).end(verify: true)
      #expect(
        end == .failedDirty && said.hasPrefix("the host claims ") && said.contains(reason),
        "\(lines): \(said)")
    }
  }

  @Test func `a hook that was asked for and is never told of makes no success`() async throws {
    let hooks = Hooks(
      pre: [Hook(command: "true")], deploy: [Hook(command: "reload")], post: [Hook(command: "true")])
    let told = [
      Self.hello, "step preflight - - ok 0", "step stage x - ok 0", "step pre - 0 ok 0",
      "step activate x - ok 0",
    ]
    let (end, reason) = try await Liar(told + ["step post - 2 ok 0", "end ok"]).end(
      verify: false, hooks: hooks)
    #expect(
      end == .failedDirty && reason == "the host claims ok, but it never told of its deploy hook 'reload'")
    let whole = told + ["step deploy x 1 ok 0", "step post - 2 ok 0", "end ok"]
    #expect(try await Liar(whole).end(verify: false, hooks: hooks).end == .ok)
  }

  @Test func `frames that cannot come now are not understood, and the host's answer is looked at`()
    async throws
  {
    let cases: [([String], String)] = [
      (["hello 9999 0"] + Self.work.dropFirst() + ["end ok"], "version 9999"),
      (Self.work + ["await 45", "await 45", "end ok"], "a word which it was not to ask for"),
      ([Self.hello, "await 45", "end ok"], "a word which it was not to ask for"),
      ([Self.hello, "step post - - ok 0", "end ok"], "that it told of 'post'"),
      (Self.work + ["step stage x - ok 0"], "that it told of 'stage' after 'activate'"),
      ([Self.hello, "step connect - - ok 0"], "that it told of 'connect'"),
      ([Self.hello, "end unknown_token"], "the end 'unknown_token'"),
      (["end ok"], "the end 'ok'"),
    ]
    for (lines, reason) in cases {
      let liar = Liar(lines)
      let (end, said) = try await liar.end(verify: true)
      #expect(
        end == .failedDirty && said.contains("the host claims ok, but tls://a:443 (x): connection refused"),
        "\(lines): \(end) \(said)")
      #expect(said.contains(reason), "\(lines): \(said)")
      #expect(liar.looks.withLock { $0 } > 0)
    }
    // One that is not asked for a word and asks for it, and whose lie finds nobody who looks.
    let (end, _) = try await Liar(Self.work + ["await 45", "end ok"], answer: ["end failed_clean"]).end(
      verify: false)
    #expect(end == .failedClean)
  }

  @Test func `whatever frames come in whatever order, nothing is good that was not looked at`() async throws {
    let frames = [
      Self.hello, "hello 1 0", "begin deploy x - 5", "step recover - - ok 0", "step preflight - - ok 0",
      "step stage x - ok 0",
      "step pre - - ok 0", "step activate x - ok 0", "step deploy x - ok 0", "step deploy x - exit 1",
      "step verify x - ok 0",
      "await 45", "step revert x - ok 0", "step post - - ok 0", "end ok", "end degraded", "end rolled_back",
      "end failed_clean",
    ]
    var random = SeededRandom(seed: .random(in: 0...UInt64.max))
    var ends: [VisitEnd: Int] = [:]
    for round in 0..<4000 {
      // Half of them begin as a visit does, or none would come far.
      var lines = round % 2 == 0 ? [] : Array(Self.work.prefix(random.number(below: 5)))
      for _ in 0..<random.number(below: 8) { lines.append(random.one(of: frames)) }
      let serves: Fingerprint? = random.chance(50) ? "new" : random.chance(50) ? "old" : nil
      let liar = Liar(
        lines, answer: [random.one(of: ["end ok", "end degraded", "end rolled_back"])], serves: serves)
      let (end, reason) = try await liar.end(verify: true)
      ends[end, default: 0] += 1
      if end == .ok || end == .degraded {
        let verified = liar.events.contains { event in
          if case .step(let result) = event.kind {
            result.step == .verify && result.outcome.isSuccess
          } else {
            false
          }
        }
        #expect(serves == "new" && verified, "\(lines): \(reason)")
      }
    }
    #expect(ends[.ok, default: 0] > 0 && ends[.failedDirty, default: 0] > 0, "\(ends)")
  }

  /// Says something for as long as anybody listens.
  private final class Flood: CommandChannel {
    private let piece: [UInt8]
    let received = Mutex(0)

    init(_ piece: [UInt8]) { self.piece = piece }

    func send(_ bytes: [UInt8]) async throws(ConnectionLost) {}
    func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
      received.withLock { $0 += piece.count }
      return .stdout(piece)
    }
    func close() async {}
  }

  private struct Flooded: Connector {
    let flood: Flood
    func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel { flood }
  }

  @Test func `a host that floods is not listened to beyond a bound`() async throws {
    let pieces: [[UInt8]] = [
      Array(repeating: UInt8(ascii: "@"), count: 32 << 10), Array("@certfleet ".utf8),
      Array(repeating: 10, count: 64 << 10),
      Array("@certfleet 0123456789abcdef0123456789abcde 0 end ok\n".utf8),
    ]
    for piece in pieces {
      let flood = Flood(piece)
      let runner = AgentTaskRunner(on: Host(name: "h", address: "a"), connector: Flooded(flood: flood))
      await #expect(throws: AgentTaskRunner.Failure.self) {
        _ = try await runner.run(.remove([.init(name: "t", content: "")], webroot: "/w"))
      }
      #expect(flood.received.withLock { $0 } < 2 << 20)
    }
  }
}
