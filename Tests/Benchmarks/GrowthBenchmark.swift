import Foundation
import ThrowawayFleet

/// How long an inventory of many hosts takes to apply and to plan, beside a small one: growth shows what is quadratic.
struct GrowthBenchmark {
  /// In seconds.
  struct Figures {
    let apply: Double
    let plan: Double
  }

  /// The best of several: what else the machine does only makes it longer.
  private static let tries = 3

  func run(hosts: Int) async throws -> Figures {
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await declare(hosts: hosts, in: scratch)
    let inventory = scratch.path + "/fleet.json5"
    let apply = try await best {
      try? FileManager.default.removeItem(atPath: certfleet.home)
    } of: {
      try await certfleet.succeed("apply", inventory)
    }
    try await certfleet.succeed("host", "pin", "--from-known-hosts", try await knownHosts(hosts, in: scratch))
    try await certfleet.succeed("cert", "issue", "one.example")
    let plan = try await best {
    } of: {
      let text = try await certfleet.succeed("plan")
      guard text.contains("\(hosts) hosts in 3 waves") else {
        throw Program.Failed("no plan: \(text.prefix(300))")
      }
    }
    let shown = [apply, plan].map { $0.formatted(.number.precision(.fractionLength(2))) }
    Said.line("\(hosts) hosts: apply \(shown[0]) s, plan \(shown[1]) s")
    return Figures(apply: apply, plan: plan)
  }

  private func best(_ prepare: () -> Void, of work: () async throws -> Void) async throws -> Double {
    var best = Double.infinity
    for _ in 0..<Self.tries {
      prepare()
      let started = ContinuousClock.now
      try await work()
      let taken = started.duration(to: .now).components
      best = min(best, Double(taken.seconds) + Double(taken.attoseconds) / 1e18)
    }
    return best
  }

  private static func address(_ number: Int) -> String {
    "10.\(number / 65536).\(number / 256 % 256).\(number % 256)"
  }

  /// One key for all.
  private func knownHosts(_ hosts: Int, in scratch: ScratchFolder) async throws -> String {
    try await KeyPair.make(at: scratch.path + "/host_key", type: "ed25519")
    let key = Files.read(scratch.path + "/host_key.pub")
    return try scratch.write("known_hosts", (1...hosts).map { "\(Self.address($0)) \(key)" }.joined())
  }

  private func declare(hosts: Int, in scratch: ScratchFolder) async throws {
    try await SelfSigned.make("one.example", in: scratch.path)
    let lines = (1...hosts).map { number in
      "{name: 'web\(number)', address: '\(Self.address(number))', labels: {role: 'web', rack: 'r\(number % 40)'}},"
    }
    try scratch.write(
      "fleet.json5",
      """
      { defaults: {user: 'deploy', become: true},
        hosts: [\(lines.joined(separator: "\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{ name: 'one.example', domains: ['one.example'], issuer: 'bought',
          certificate: 'cert.pem', private_key: 'key.pem',
          deploy: [{to: 'role=web', hooks: {deploy: ['@nginx']}, verify: [{tls: 443}]}] }] }
      """)
  }
}
