import Foundation
import Testing
import ThrowawayFleet

/// As a new user comes: servers that serve old certificates from other files, and nobody has edited them yet.
@Suite struct FirstHourTests {
  /// Has nginx on a host serve a certificate of its own from files that certfleet does not know, or its own again.
  private func point(_ scene: Scene, _ host: Int, at old: Bool) async throws {
    let home = scene.hosts[host].home
    let configuration = Files.read(home + "/nginx.conf")
    let ours = "\(scene.hosts[host].base)/live/one.example/"
    if old {
      try Files.makeFolder(home + "/old")
      try await SelfSigned.make("old.example", in: home + "/old")
      try Files.write(
        home + "/nginx.conf",
        configuration.replacing(ours + "fullchain.pem", with: home + "/old/cert.pem").replacing(
          ours + "privkey.pem", with: home + "/old/key.pem"))
    } else {
      try Files.write(
        home + "/nginx.conf",
        configuration.replacing(home + "/old/cert.pem", with: ours + "fullchain.pem").replacing(
          home + "/old/key.pem", with: ours + "privkey.pem"))
    }
    let address = scene.hosts[host].address
    let before = try await Served.serial(at: address, name: "one.example")
    try await Program.succeed(
      "/bin/sh", ["-c", LoopbackFleet.reload], environment: ["HOME": home])
    // A reload takes a moment, and old workers answer meanwhile.
    try await eventually("nginx serves another certificate") {
      for _ in 0..<5 where try await Served.serial(at: address, name: "one.example") == before {
        return false
      }
      return true
    }
  }

  @Test func `a first run ends, says what to edit, and after the edit all is good`() async throws {
    let scene = try await Scene(hosts: 3)
    for host in 0...2 { try await point(scene, host, at: true) }
    let check = try await scene.expect(0, "host", "check")
    #expect(check.stdout.contains("port 8443 serves CN=old.example until "), "\(check.stdout)")
    let run = try await scene.expect(1, "run")
    #expect(
      run.stderr.contains(
        "web1: placed: installed; tls://\(scene.hosts[0].address):8443 (one.example) still serves CN=old.example until "
      ),
      "\(run.everything)")
    #expect(run.stderr.contains("does its configuration name "))
    #expect(run.stdout.contains("web[1-3] have it and serve another still"), "\(run.stdout)")
    #expect(scene.generations() == ["1", "1", "1"])
    let still = try await scene.expect(1, "run")
    #expect(still.stderr.contains("certfleet: web[1-3]: one.example is installed; "), "\(still.everything)")
    // The edit that it asks for, on one host after the other.
    try await point(scene, 0, at: false)
    let one = try await scene.expect(1, "run")
    #expect(one.stderr.contains("web1: serves one.example now\n") && one.stdout.contains("web[2-3] have it"))
    for host in 1...2 { try await point(scene, host, at: false) }
    let all = try await scene.expect(0, "run")
    #expect(all.stdout.contains("everything is as it should be"), "\(all.everything)")
    // Ordered once, and no hook was run again for it.
    #expect(try await scene.expect(0, "cert", "list").stdout.contains("one.example"))
    #expect(scene.generations() == ["1", "1", "1"])
    for host in 0...2 { #expect(scene.runs(host, "deploy") == ["deploy"]) }
    #expect(try await scene.expect(0, "run").stdout.contains("everything is as it should be"))
    await scene.fleet.stop()
  }

  @Test func `a new host among those that we serve is no canary for them`() async throws {
    let scene = try await Scene(hosts: 2, waves: "[1, 'rest']")
    try await scene.expect(0, "rollout", "start", "one.example", "--to", "name:web2")
    // web1, which comes first by its name, is new, and serves something else.
    try await point(scene, 0, at: true)
    try await scene.expect(0, "cert", "renew", "one.example")
    let run = try await scene.expect(1, "run")
    let plan = try await scene.expect(0, "rollout", "show", "--plan").stdout
    #expect(plan.contains("wave 1: web2\n  wave 2: web1\n"), "\(plan)")
    #expect(run.stderr.contains("web2: ok") && run.stderr.contains("web1: placed"), "\(run.everything)")
    #expect(scene.generations() == ["2", "2"])
    await scene.fleet.stop()
  }
}
