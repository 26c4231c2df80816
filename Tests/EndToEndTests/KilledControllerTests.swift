import Foundation
import Testing
import ThrowawayFleet

/// The real thing, killed again and again.
@Suite(.serialized) struct KilledControllerTests {
  private static let hosts = 20
  private static let kills = 30

  @Test func `killed at any moment and run again, no host is mixed, deployed twice or left out`() async throws
  {
    let scene = try await Scene(hosts: Self.hosts, waves: "[1, 3, 6, 'rest']")
    let started = ContinuousClock.now
    try await scene.expect(0, "run")
    let whole = started.duration(to: .now)
    var (killed, inVisits, resumed) = (0, 0, 0)
    for generation in 2...(Self.kills + 1) {
      try await scene.expect(0, "cert", "renew", "one.example")
      let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
      try await Task.sleep(for: whole * Double.random(in: 0...1))
      running.signal(SIGKILL)
      let status = await running.ended()
      #expect(status == 0 || status == 128 + SIGKILL)
      killed += status == 0 ? 0 : 1
      inVisits += scene.generations().contains(String(generation)) ? 1 : 0
      let again = try await scene.expect(0, "run")
      resumed += again.stderr.contains("was interrupted") ? 1 : 0
      try await check(scene, generation)
      #expect(try await Set(scene.serials()).count == 1)
    }
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    print(
      "the controller was killed \(killed) times over \(Self.hosts) hosts in 4 waves: \(inVisits) times with hosts on the new certificate, and \(resumed) rollouts were gone on with"
    )
    #expect(killed > Self.kills / 2 && resumed > 0)
    await scene.fleet.stop()
  }

  private func check(_ scene: Scene, _ generation: Int) async throws {
    let openssl = try Program.find("openssl")
    #expect(Set(scene.generations()) == [String(generation)])
    for host in scene.hosts.indices {
      let live = scene.hosts[host].base + "/live/one.example"
      let certified = try await Program.succeed(
        openssl, ["x509", "-noout", "-pubkey", "-in", live + "/fullchain.pem"])
      let held = try await Program.succeed(openssl, ["pkey", "-pubout", "-in", live + "/privkey.pem"])
      #expect(certified == held, "\(scene.hosts[host].name) has a key of another certificate")
      // Each generation stays after one deployment; one that was cut off before its word went back first.
      let runs = scene.runs(host, "deploy")
      let (deployed, back) = (runs.count { $0 == "deploy" }, runs.count { $0 == "rollback" })
      #expect(deployed - back == generation, "\(scene.hosts[host].name): \(runs.joined(separator: " "))")
      #expect(scene.runs(host, "pre").count == scene.runs(host, "post").count)
    }
  }
}
