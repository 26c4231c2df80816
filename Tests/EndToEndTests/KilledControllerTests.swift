import Foundation
import Testing
import ThrowawayFleet

/// The real thing, killed again and again.
@Suite(.serialized) struct KilledControllerTests {
  /// How hosts are reached, how many, and how often the controller is killed.
  private static let ways = [("libssh2", 20, 30), ("ssh", 5, 5), ("local", 1, 5)]

  @Test(arguments: ways)
  func `killed at any moment and run again, no host is mixed, deployed twice or left out`(
    way: String, hosts: Int, kills: Int
  ) async throws {
    let scene = try await Scene(hosts: hosts, waves: "[1, 3, 6, 'rest']")
    if way != "libssh2" { try await scene.connect(by: way) }
    let told = lines(try await scene.expect(0, "run").stderr)
    var (killed, inVisits, resumed) = (0, 0, 0)
    for generation in 2...(kills + 1) {
      try await scene.expect(0, "cert", "renew", "one.example")
      let status = try await endOfRun(in: scene, killedAfter: Int.random(in: 0..<(told - told / 8)))
      #expect(status == 0 || status == 128 + SIGKILL)
      killed += status == 0 ? 0 : 1
      inVisits += scene.generations().contains(String(generation)) ? 1 : 0
      let again = try await scene.expect(0, "run")
      resumed += again.stderr.contains("was interrupted") ? 1 : 0
      try await scene.check(generation)
      #expect(try await Set(scene.serials()).count == 1)
    }
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    print(
      "the controller was killed \(killed) times over \(hosts) hosts by \(way): \(inVisits) times with hosts on the new certificate, and \(resumed) rollouts were gone on with"
    )
    // A run over a few hosts is mostly through before it is killed; ConnectionTests kills it where it is.
    #expect(hosts < 10 || killed > kills / 2 && resumed > 0)
    await scene.fleet.stop()
  }

  @Test
  func `killed in a first visit that ends placed, and run again, all are placed, and good after the edit`()
    async throws
  {
    for _ in 0..<5 {
      let scene = try await Scene(hosts: 4, waves: "[1, 'rest']")
      for host in scene.hosts.indices { try await scene.point(host, at: true) }
      let status = try await endOfRun(in: scene, killedAfter: Int.random(in: 0...11))
      #expect(status == 1 || status == 128 + SIGKILL)
      let again = try await scene.expect(1, "run")
      #expect(again.stdout.contains("web[1-4] have it and serve another still"), "\(again.everything)")
      try await scene.check(1)
      for host in scene.hosts.indices { try await scene.point(host, at: false) }
      let good = try await scene.expect(0, "run")
      #expect(good.stdout.contains("everything is as it should be"), "\(good.everything)")
      try await scene.check(1)
      #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
      await scene.fleet.stop()
    }
  }

  private func lines(_ text: String) -> Int { text.count { $0 == "\n" } }

  /// A run that is killed when it has told so much, or somewhat later: how fast the machine is does not matter.
  private func endOfRun(in scene: Scene, killedAfter told: Int) async throws -> Int32 {
    let output = scene.scratch.path + "/run.out"
    try Files.write(output, "")
    let running = try scene.certfleet.start("run", output: output)
    try await eventually("\(told) lines", within: .seconds(120)) {
      lines(Files.read(output)) >= told || !running.isAlive
    }
    try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
    running.signal(SIGKILL)
    return await running.ended()
  }
}

extension Scene {
  /// Whether each host has the generation, with its key, and has got every generation once.
  func check(_ generation: Int) async throws {
    let openssl = try Program.find("openssl")
    #expect(Set(generations()) == [String(generation)])
    for host in hosts.indices {
      let live = hosts[host].base + "/live/one.example"
      let certified = try await Program.succeed(
        openssl, ["x509", "-noout", "-pubkey", "-in", live + "/fullchain.pem"])
      let held = try await Program.succeed(openssl, ["pkey", "-pubout", "-in", live + "/privkey.pem"])
      #expect(certified == held, "\(hosts[host].name) has a key of another certificate")
      // Each generation stays after one deployment; one that was cut off before its word went back first.
      let runs = self.runs(host, "deploy")
      let (deployed, back) = (runs.count { $0 == "deploy" }, runs.count { $0 == "rollback" })
      #expect(deployed - back == generation, "\(hosts[host].name): \(runs.joined(separator: " "))")
      #expect(self.runs(host, "pre").count == self.runs(host, "post").count)
    }
  }
}
