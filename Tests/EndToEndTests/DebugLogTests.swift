import Foundation
import Testing
import ThrowawayFleet

/// `-v`: what is done on the wire, and no secret.
@Suite struct DebugLogTests {
  @Test func `a run tells what it does on the wire, and no key`() async throws {
    let scene = try await Scene(hosts: 1)
    let run = try await scene.expect(0, "-v", "run")
    for said in [
      "http: POST \(scene.fleet.authority.directory.replacing("/dir", with: ""))", "web1: connecting to ",
      "web1: its key is pinned; logging in as ", "web1: sending a request of ", "web1: the agent says hello",
      "web1: the agent says step activate one.example: ok", "web1: the word is commit", " serves ",
    ] { #expect(run.stderr.contains(said), "\(said): \(run.stderr)") }
    // Every line says when; the key that is on the host now is in none.
    #expect(run.stderr.contains(/debug [0-9:]+\.[0-9]{3}/))
    let key = Files.read("\(scene.hosts[0].base)/live/one.example/privkey.pem").split(separator: "\n")[1]
    #expect(key.count > 40 && !run.everything.contains(key))
    #expect(!run.everything.contains("PRIVATE KEY"))
    let quiet = try await scene.expect(0, "run")
    #expect(!quiet.stderr.contains("debug"))
    let timer = try await Program.run(
      CertfleetProgram.path, ["rollout", "start", "one.example", "--force"],
      environment: scene.certfleet.environment.merging(["CERTFLEET_LOG": "debug"]) { $1 })
    #expect(timer.status == 0 && timer.stderr.contains("web1: the agent says end ok"))
    await scene.fleet.stop()
  }
}
