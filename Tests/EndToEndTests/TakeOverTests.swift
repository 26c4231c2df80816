import Foundation
import Testing
import ThrowawayFleet

/// A second controller, and a state that is lost.
@Suite struct TakeOverTests {
  @Test
  func
    `another controller is refused by name until it claims the hosts, and then orders nothing for what is well`()
    async throws
  {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    let serials = try await scene.serials()
    let other = try await scene.another()
    let refused = try await other.expect(1, "run")
    #expect(
      refused.stderr.contains("this base belongs to the controller ")
        || refused.stderr.contains("its base belongs to the controller "),
      "\(refused.everything)")
    #expect(refused.stderr.contains("certfleet host claim web1"), "\(refused.everything)")
    #expect(scene.generations() == ["2", "2", "2"])
    let check = try await other.expect(1, "host", "check", "web1")
    #expect(check.stdout.contains("certfleet host claim web1"), "\(check.everything)")
    try await other.expect(64, "host", "claim")
    try await other.expect(65, "host", "claim", "web1")
    let claimed = try await other.expect(
      0, "host", "claim", "--to", "*", "--yes", "--why", "the old one is gone")
    #expect(claimed.stdout.contains("web1: taken over from the controller "), "\(claimed.everything)")
    #expect(
      claimed.stderr.contains(
        "web[1-3]: generation 2 of one.example is there, which this state did not know from "),
      "\(claimed.everything)")
    let run = try await other.expect(0, "run")
    #expect(!run.stderr.contains("ordering"), "\(run.everything)")
    #expect(scene.generations() == ["2", "2", "2"])
    #expect(try await scene.serials() == serials)
    let report = try await other.report()
    #expect(report.contains("everything is as it should be"), "\(report)")
    // What it issues itself counts on.
    try await other.expect(0, "cert", "renew", "one.example")
    try await other.expect(0, "run")
    #expect(scene.generations() == ["3", "3", "3"])
    let look = try await scene.expect(1, "look")
    #expect(look.stdout.contains("its base belongs to the controller "), "\(look.everything)")
    #expect(try await other.expect(0, "log").stdout.contains("claimed"))
    await scene.fleet.stop()
  }
}

extension TakeOverTests {
  /// By the write to disk at which the process is killed, as far as one thread makes so many.
  @Test func `killed at any commit, a claim is done again, and ends right`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    let other = try await scene.another()
    var kills = 0
    for commit in 1...40 {
      let claim = try await Program.run(
        try Program.find("strace"),
        [
          "-f", "-qq", "-o", scene.scratch.path + "/trace", "-e", "trace=fdatasync,fsync", "-e",
          "inject=fdatasync,fsync:signal=KILL:when=\(commit)", CertfleetProgram.path, "host", "claim", "--to",
          "*",
          "--yes",
        ], environment: other.certfleet.environment)
      if claim.status == 0 { break }
      kills += 1
      try await other.expect(0, "host", "claim", "--to", "*", "--yes")
      let run = try await other.expect(0, "run")
      #expect(!run.stderr.contains("ordering"), "killed at commit \(commit): \(run.everything)")
      #expect(try await other.expect(0, "log", "--verify").stdout.contains("none altered"))
      // And back, for the next one.
      try await scene.expect(0, "host", "claim", "--to", "*", "--yes")
      try await scene.expect(0, "run")
    }
    print("a claim was killed at \(kills) commits")
    #expect(kills > 3 && scene.generations() == ["1", "1"])
    await scene.fleet.stop()
  }
}

extension TakeOverTests {
  @Test func `two controllers with bases of their own on one host do not disturb each other`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    let file = scene.scratch.path + "/fleet.json5"
    // What is served is the first one's, so the second only looks at its files.
    try Files.write(
      file,
      Files.read(file).replacing("'~/certs'", with: "'~/others'").replacing(
        "verify: [{tls: 8443}], ", with: ""
      )
      .replacing("verify: [{tls: 8443}],", with: ""))
    let other = try await scene.another()
    try await other.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    try await other.expect(0, "run")
    for host in scene.hosts {
      #expect(FileManager.default.fileExists(atPath: host.home + "/others/live/one.example/cert.pem"))
    }
    #expect(scene.generations() == ["2", "2"])
    #expect(try await scene.expect(0, "look").stdout == "as it should be: web[1-2]\n")
    #expect(try await other.expect(0, "look").stdout == "as it should be: web[1-2]\n")
    await scene.fleet.stop()
  }
}

extension Scene {
  /// The same fleet in a state of its own, with every host pinned.
  func another() async throws -> Scene {
    let other = Scene(scratch, fleet, CertfleetProgram(home: scratch.path + "/other-state"))
    try await other.expect(0, "apply", scratch.path + "/fleet.json5")
    for host in hosts {
      try await other.expect(0, "host", "pin", host.name, "--fingerprint", try await host.ssh.fingerprint())
    }
    return other
  }
}
