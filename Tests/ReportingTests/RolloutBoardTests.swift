import Fleet
import Foundation
import Testing

@testable import Reporting

/// A rollout as it goes.
@Suite struct RolloutBoardTests {
  private let id = Rollout.ID(12)
  private let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func plan(_ waves: [[String]]) -> Plan {
    let certificate = PlannedCertificate(
      lineage: "shop.example", generation: Generation(7), fingerprint: "f", domains: ["shop.example"],
      hooks: Hooks(), verify: [])
    return Plan(
      policy: RolloutPolicy(
        name: "p", waves: [], parallel: 3, maxFailed: .count(5), maxUnreachable: .count(1)),
      waves: waves.map { names in
        PlannedWave(
          names.map {
            PlannedVisit(host: Host(name: Host.Name($0), address: "a"), certificates: [certificate])
          })
      })
  }

  private func event(_ kind: Event.Kind, wave: Int? = nil, host: String? = nil, after seconds: Double = 0)
    -> Event
  {
    Event(
      at: start + seconds, subject: .init(rollout: id, wave: wave, host: host.map { Host.Name($0) }),
      kind: kind)
  }

  @Test func `waves are bars, with who is at work`() {
    var board = RolloutBoard(id, plan([["web1"], ["web2", "web3", "web4", "web5"], ["db1"]]))
    var said: [String] = []
    for event in [
      event(.waveStarted(hosts: 1), wave: 1), event(.visitStarted("t"), wave: 1, host: "web1"),
      event(.visitEnded(.ok, reason: ""), wave: 1, host: "web1"),
      event(.waveEnded(.passed, reason: ""), wave: 1),
      event(.waveStarted(hosts: 4), wave: 2), event(.visitStarted("t"), wave: 2, host: "web2"),
      event(
        .visitEnded(.rolledBack, reason: "deploy hook of shop.example failed: exit status 1"), wave: 2,
        host: "web2"),
      event(.visitStarted("t"), wave: 2, host: "web4", after: 3),
      event(.visitStarted("t"), wave: 2, host: "web3"),
    ] { said += board.take(event) }
    #expect(
      said == [
        "wave 1: 1 host", "wave 1: 1 ok: web1", "wave 1 passed", "wave 2: 4 hosts",
        "web2: rolled back: deploy hook of shop.example failed: exit status 1",
      ])
    #expect(
      board.lines(on: Screen(width: 79), now: start + 130) == [
        "rollout 12 · shop.example · 2m 10s",
        "✓ wave 1  1/1  ████████████████████  1 ok",
        "▶ wave 2  1/4  █████░░░░░░░░░░░░░░░  1 failed (of 5 allowed)  2 at work: web3 …",
        "· wave 3  0/1",
      ])
    #expect(
      board.lines(on: Screen(width: 39), now: start).map(\.columns).max() ?? 0 <= 39
        && board.lines(on: Screen(width: 20), now: start).map(\.columns).max() ?? 0 <= 20)
  }

  /// What cron mails.
  @Test func `10,000 hosts of which 300 failed in three ways are at most 60 lines`() {
    let names = (0..<10_000).map { "web\($0).example.net" }
    let waves = [Array(names[..<1]), Array(names[1..<1000]), Array(names[1000...])]
    var progress = RolloutProgress()
    progress.begin(id, plan(waves))
    var lines: [String] = []
    for (index, wave) in waves.enumerated() {
      lines += progress.take(event(.waveStarted(hosts: wave.count), wave: index + 1))
      for (position, host) in wave.enumerated() {
        lines += progress.take(event(.visitStarted("t"), wave: index + 1, host: host))
        let isBad = index > 0 && position % 33 == 1
        lines += progress.take(
          event(
            isBad
              ? .visitEnded(
                .rolledBack,
                reason:
                  "deploy hook of shop.example failed: exit status \(position / 33 % 3): \(host): 4711#\(position)"
              )
              : .visitEnded(.ok, reason: ""), wave: index + 1, host: host))
      }
      lines += progress.take(event(.waveEnded(.passed, reason: ""), wave: index + 1))
    }
    lines += progress.take(event(.rolloutEnded(.partial, reason: "some hosts failed")))
    #expect(lines.count <= 30, "\(lines.joined(separator: "\n"))")
    #expect(lines.allSatisfy { $0.count < 600 }, "\(lines.map(\.count))")
    #expect(lines.contains { $0.hasPrefix("wave 3: 91 rolled back: web[") && $0.contains("exit status 1") })
    #expect(lines.last == "rollout 12 partial: some hosts failed")
  }

  @Test func `one that goes on begins where it was`() {
    let plan = plan([["web1"], ["web2", "web3"]])
    var ledger = RolloutLedger(waves: 2)
    ledger.waves[0].state = .passed
    ledger.waves[1].state = .running
    ledger.visits = ["web1": .init(wave: 1, attempt: 1, token: "t", end: .ok)]
    let board = RolloutBoard(id, plan, ledger)
    #expect(board.lines(on: Screen(width: 80), now: start)[1] == "✓ wave 1  1/1  ████████████████████  1 ok")
  }

  @Test(arguments: [19, 39, 79, 199])
  func `whatever hosts and reasons hold, a picture keeps to its width and a line to itself`(width: Int) {
    let names = ReportScreenTests.hostile.indices.map { "web\($0).some-site.example.net" }
    var board = RolloutBoard(id, plan((0..<12).map { ["a\($0)"] } + [names]))
    for (name, text) in zip(names, ReportScreenTests.hostile) {
      _ = board.take(event(.visitStarted("t"), wave: 13, host: name))
      for line in board.take(event(.visitEnded(.failedDirty, reason: text), wave: 13, host: name)) {
        #expect(
          !line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E }, "\(line.debugDescription)")
      }
      let lines = board.lines(on: Screen(width: width, hasColour: true), now: start)
      #expect(lines.count <= 8 && lines.allSatisfy { $0.withoutStyle.columns <= max(width, 20) }, "\(lines)")
    }
  }
}
