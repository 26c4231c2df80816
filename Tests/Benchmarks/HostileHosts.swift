import Agents
import Foundation
import ThrowawayFleet

/// Two hundred hosts, of which five do what they can to hold up the others: what that costs the others.
struct HostileHosts {
  private let scene: FleetScene
  private static let hosts = 200
  private static let tries = 3

  init(_ scene: FleetScene) { self.scene = scene }

  /// What each of the five does instead of the agent. Who lies knows the request's nonce, as the agent does.
  private static let behaviours = [
    // Bytes without an end that are no frame, on either stream.
    "exec yes", "exec yes >&2",
    // All is well, and nothing was done.
    lying + "say 'end ok'",
    // Frames without an end.
    lying + "while :; do say 'begin preflight - - 1000000'; done",
    // Half a frame, and a long time to wait for the rest.
    lying + "say 'begin preflight - - 1000000'; printf '@certfleet %s 100 step' \"$nonce\"; exec sleep 60",
  ]

  private static let lying = #"""
    nonce=$(sed -n 's/^certfleet_main \([^ ]*\) .*/\1/p;/^certfleet_main /q')
    say() { printf '@certfleet %s 0 %s\n' "$nonce" "$1"; }
    say 'hello \#(AgentScript.version) 0'

    """#

  private static func address(_ number: Int) -> String { "127.2.0.\(number + 1)" }

  /// For sshd_config(5), at its end.
  ///
  /// - Parameter folder: where the programs are put.
  static func options(in folder: String) throws -> [String] {
    try behaviours.enumerated().map { number, command in
      try Files.write("\(folder)/\(number).sh", command + "\n", mode: 0o644)
      return "Match LocalAddress \(address(number))\n  ForceCommand /bin/sh \(folder)/\(number).sh"
    }
  }

  /// How much longer the others take beside the hostile ones: the best of several tries of each, by turns.
  func run() async throws -> Double {
    var (alone, beside) = (Double.infinity, Double.infinity)
    for _ in 0..<Self.tries {
      alone = min(alone, try await others(hostile: 0))
      beside = min(beside, try await others(hostile: Self.behaviours.count))
    }
    let shown = [alone, beside].map { $0.formatted(.number.precision(.fractionLength(2))) }
    Said.line("200 hosts: \(shown[0]) s; those beside 5 hostile ones \(shown[1]) s")
    return beside / alone
  }

  /// Seconds from the first visit's start to the end of the last that went well.
  private func others(hostile: Int) async throws -> Double {
    let (folder, disk) = (try ScratchFolder(), try HostDisk())
    defer { disk.remove() }
    let good = (1...(Self.hosts - hostile)).map { ("web\($0)", FleetScene.address($0)) }
    // Among the first, so that they are there from the start on.
    let all = good + (0..<hostile).map { ("bad\($0)", Self.address($0)) }
    let certfleet = try await scene.declared(
      all, in: folder, on: disk, policy: "max_failed: 10, max_unreachable: 10")
    let run = try await Program.run(CertfleetProgram.path, ["run"], environment: certfleet.environment)
    let answer = try await Program.succeed(
      try Program.find("sqlite3"),
      [
        certfleet.home + "/certfleet.db",
        "SELECT count(*), max(ended_at) - min(started_at), (SELECT count(*) FROM visit WHERE end <> 'ok') FROM visit WHERE end = 'ok'",
      ])
    let fields = answer.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: "|")
    guard fields.count == 3, Int(fields[0]) == good.count, Int(fields[2]) == hostile,
      let taken = Double(fields[1])
    else {
      throw Program.Failed("not all went as it should: \(answer) \(run.everything.suffix(3000))")
    }
    return taken
  }
}
