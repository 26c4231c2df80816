import Foundation
import Testing
import ThrowawayFleet

/// The built program on real sshd, nginx and Pebble. In series: each test has a whole fleet on two cores.
@Suite(.serialized) struct MainJobTests {
  @Test func `a certificate is issued, rolled out in waves, and a second run changes nothing`() async throws {
    let scene = try await Scene(hosts: 4)
    let run = try await scene.expect(0, "run")
    #expect(run.stderr.contains("wave 1: 1 host\n") && run.stderr.contains("wave 2: 3 hosts\n"))
    #expect(
      run.stdout == "4 hosts, 1 certificate: everything is as it should be, seen within the last 1m 0s\n")
    let serials = try await scene.serials()
    #expect(Set(serials).count == 1 && !serials[0].isEmpty)
    #expect(scene.generations() == ["1", "1", "1", "1"])
    let logins = scene.hosts.map(\.ssh.log)
    let again = try await scene.expect(0, "run")
    #expect(again.stderr == "nothing to do\n")
    #expect(scene.hosts.map(\.ssh.log) == logins)
    #expect(try await scene.expect(0, "plan").stdout == "nothing to do\n")
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    for arguments in [
      ["report"], ["host", "list"], ["cert", "list"], ["rollout", "list"], ["plan"],
    ] {
      let json = try await Program.run(
        CertfleetProgram.path, arguments + ["--json"], environment: scene.certfleet.environment)
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.stdout.utf8)) }
    }
    let log = try await scene.expect(0, "log", "--json").stdout.split(separator: "\n")
    #expect(log.count > 20)
    for line in log {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
    await scene.fleet.stop()
  }

  @Test func `two certificates reach a host in one visit, and its pre and post hooks run once`() async throws
  {
    let scene = try await Scene(hosts: 2, certificates: ["one.example", "two.example"])
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1"] && scene.generations(of: "two.example") == ["1", "1"])
    #expect(
      scene.runs(0, "pre").count == 1 && scene.runs(0, "deploy").count == 2
        && scene.runs(0, "post").count == 1)
    #expect(try await scene.serials(for: "one.example") != scene.serials(for: "two.example"))
    // One before the order, to look whether the host lets us in.
    let logins = scene.hosts[0].ssh.log.components(separatedBy: "Accepted publickey").count - 1
    #expect(logins == 2)
    await scene.fleet.stop()
  }

  @Test func `a hook that fails at each moment does what the design says`() async throws {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    let before = try await scene.serials()
    try await scene.expect(0, "cert", "renew", "one.example")

    try scene.steer(0, "break-pre")
    try await scene.expect(1, "run")
    #expect(try await scene.report().contains("web1  1    2"))
    let report = try await scene.report()
    #expect(report.contains("failed clean (rollout 2): a pre hook failed: exit status 3: broken on purpose"))
    #expect(scene.runs(0, "deploy").count == 1 && scene.runs(0, "post").count == 2)
    try scene.release(0, "break-pre")

    try scene.steer(0, "break-deploy")
    let broken = try await scene.expect(1, "run")
    #expect(
      broken.stdout.contains(
        "rollout 3 halted: wave 1 failed: 1 failed in wave 1, 0 allowed; 2 of 3 hosts were not started"))
    let rolledBack = try await scene.report()
    #expect(
      rolledBack.contains(
        "rolled back (rollout 3): deploy hook of one.example failed: exit status 3: broken on purpose"))
    #expect(scene.runs(0, "deploy") == ["deploy", "deploy", "rollback"])
    #expect(scene.generations() == ["1", "1", "1"])
    #expect(try await scene.serials() == before)
    #expect(scene.runs(1, "pre").count == 1)
    try scene.release(0, "break-deploy")

    try scene.steer(0, "break-post")
    try await scene.expect(0, "run")
    #expect(try await scene.report().contains("degraded (rollout 4): a post hook failed"))
    #expect(scene.generations() == ["2", "2", "2"])
    #expect(try await Set(scene.serials()).count == 1)
    #expect(try await scene.serials() != before)
    await scene.fleet.stop()
  }

  @Test func `a host that does not serve the new certificate goes back`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    try scene.declare(["one.example"], waves: "[1, 'rest']", reload: false)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    try await scene.expect(0, "cert", "renew", "one.example")
    let run = try await scene.expect(1, "run")
    #expect(run.stderr.contains("web1: rolled back: tls://"))
    #expect(scene.generations() == ["1", "1"])
    #expect(scene.runs(0, "deploy") == ["deploy", "deploy", "rollback"] && scene.runs(1, "pre").count == 1)
    await scene.fleet.stop()
  }

  @Test func `no private key is in any argument, environment, log, database or report`() async throws {
    let scene = try await Scene(hosts: 3, waves: "['rest']")
    for host in 0..<3 { try scene.steer(host, "hold-deploy") }
    let output = scene.scratch.path + "/run.out"
    let running = try scene.certfleet.start("run", output: output)
    try await eventually("every host is in its deploy hook") {
      (0..<3).allSatisfy { scene.exists($0, "holding") }
    }
    let seen = Processes.argumentsAndEnvironments()
    for host in 0..<3 { try scene.release(host, "hold-deploy") }
    #expect(await running.ended() == 0, "\(Files.read(output))")
    let key = Files.read(scene.hosts[0].base + "/live/one.example/privkey.pem")
    let secrets = key.split(separator: "\n").filter { !$0.hasPrefix("-----") }.map { String($0.prefix(40)) }
    let encoded = Data(key.utf8).base64EncodedString().prefix(200).suffix(60)
    #expect(!secrets.isEmpty)
    let report =
      try await scene.expect(0, "report", "--json").stdout + scene.expect(0, "log", "--output").stdout
    var places = [
      ("arguments", Data(seen.utf8)), ("output", Data(Files.read(output).utf8)),
      ("report", Data(report.utf8)),
    ]
    for name in try FileManager.default.contentsOfDirectory(atPath: scene.certfleet.home) {
      places.append((name, try Data(contentsOf: URL(filePath: scene.certfleet.home + "/" + name))))
    }
    #expect(places.contains { $0.0 == "certfleet.db" && $0.1.count > 10_000 })
    for (name, bytes) in places {
      for secret in secrets + [String(encoded), "PRIVATE KEY"] {
        #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name) holds a key")
      }
    }
    await scene.fleet.stop()
  }
}

private enum Processes {
  /// What `ps` could show of every process on this machine.
  static func argumentsAndEnvironments() -> String {
    let ids = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
      Int($0) != nil
    }
    return ids.map { Files.read("/proc/\($0)/cmdline") + Files.read("/proc/\($0)/environ") }.joined(
      separator: "\n")
  }
}
