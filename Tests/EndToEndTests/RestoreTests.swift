import Foundation
import Testing
import ThrowawayFleet

/// A state that comes from a backup.
@Suite struct RestoreTests {
  @Test func `two renewals after the backup nothing is taken back, and nothing ordered for what is well`()
    async throws
  {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    // The copy is made while a run is at work.
    try scene.steer(0, "hold-deploy")
    let run = try scene.certfleet.start("run", output: scene.scratch.path + "/run.log")
    try await eventually("the hook holds") { scene.exists(0, "holding") }
    let file = scene.scratch.path + "/backup.db"
    let backup = try await scene.expect(0, "backup", file)
    #expect(backup.stdout.contains("the sealing key is not in it"), "\(backup.everything)")
    try await scene.expect(65, "backup", file)
    try scene.release(0, "hold-deploy")
    #expect(await run.ended() == 0)
    for _ in 1...2 {
      try await scene.expect(0, "cert", "renew", "one.example")
      try await scene.expect(0, "run")
    }
    #expect(scene.generations() == ["4", "4", "4"])
    let serials = try await scene.serials()
    let refused = try await scene.expect(65, "restore", file)
    #expect(refused.stderr.contains("--yes"), "\(refused.everything)")
    let restored = try await scene.expect(0, "restore", file, "--yes")
    #expect(restored.stdout.contains("looks at every host first: certfleet run"), "\(restored.everything)")
    let report = try await scene.report()
    #expect(!report.contains("everything is as it should be"), "\(report)")
    let first = try await scene.expect(0, "run")
    #expect(
      first.stderr.contains(
        "web[1-3]: generation 4 of one.example is there, which this state did not know from "),
      "\(first.everything)")
    #expect(!first.stderr.contains("ordering"), "\(first.everything)")
    #expect(scene.generations() == ["4", "4", "4"])
    #expect(try await scene.serials() == serials)
    #expect(try await scene.report().contains("everything is as it should be"))
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    // All was looked at: it is a state as any other, and looks at nobody for being restored.
    #expect(!(try await scene.expect(0, "run").stderr.contains("looking at")))
    let when = try await Program.succeed(
      try Program.find("sqlite3"),
      [scene.certfleet.home + "/certfleet.db", "SELECT restored_at FROM controller"])
    #expect(when == "\n", "\(when)")
    // Epochs and generations go on from the highest that was seen.
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["5", "5", "5"])
    await scene.fleet.stop()
  }

  @Test func `what was brought after the backup, and is broken, is mended`() async throws {
    let scene = try await Scene(hosts: 3, waves: "[1, 'rest']")
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    let file = scene.scratch.path + "/backup.db"
    try await scene.expect(0, "backup", file)
    try await scene.expect(0, "run")
    let archive = scene.hosts[0].base + "/archive/one.example"
    try Files.write(archive + "/2/privkey.pem", Files.read(archive + "/1/privkey.pem"))
    try await scene.expect(0, "restore", file, "--yes")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["2", "2", "2"])
    #expect(try await scene.report().contains("everything is as it should be"))
    await scene.fleet.stop()
  }

  @Test func `a backup with its key makes the state anew, and what is no backup changes nothing`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    let file = scene.scratch.path + "/backup.db"
    try await scene.expect(0, "backup", file, "--with-key")
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
    try FileManager.default.removeItem(atPath: scene.certfleet.home)
    let junk = try scene.scratch.write("junk", "nothing")
    try await scene.expect(65, "restore", junk)
    try await scene.expect(65, "restore", scene.scratch.path + "/none")
    let half = scene.scratch.path + "/half.db"
    let bytes = FileManager.default.contents(atPath: file) ?? Data()
    try bytes.prefix(bytes.count / 2).write(to: URL(filePath: half))
    try await scene.expect(65, "restore", half)
    try await scene.expect(0, "restore", file)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["2"])
    // With another key than the one that the state has.
    try await scene.expect(0, "backup", scene.scratch.path + "/keyless.db")
    let key = scene.scratch.path + "/kept.key"
    try FileManager.default.moveItem(atPath: scene.certfleet.home + "/sealing.key", toPath: key)
    try FileManager.default.removeItem(atPath: scene.certfleet.home + "/certfleet.db")
    try await scene.expect(65, "restore", scene.scratch.path + "/keyless.db")
    try await scene.expect(0, "restore", scene.scratch.path + "/keyless.db", "--key", key)
    try await scene.expect(0, "run")
    await scene.fleet.stop()
  }

  /// By the system call at which the process is killed: each rename of a restore, and each one of a claim's run.
  @Test(arguments: 1...4)
  func `killed at any step, a restore is done again, and ends right`(step: Int) async throws {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    let file = scene.scratch.path + "/backup.db"
    try await scene.expect(0, "backup", file, "--with-key")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    let home = scene.certfleet.home
    try FileManager.default.moveItem(
      atPath: home + "/sealing.key", toPath: scene.scratch.path + "/former.key")
    try Files.write(home + "/sealing.key", String(repeating: "k", count: 32))
    let killed = try await Program.run(
      try Program.find("strace"),
      [
        "-f", "-qq", "-o", scene.scratch.path + "/trace", "-e", "trace=rename", "-e",
        "inject=rename:signal=KILL:when=\(step)", CertfleetProgram.path, "restore", file, "--yes",
      ], environment: scene.certfleet.environment)
    #expect(killed.status != 0, "\(killed.everything)")
    try await scene.expect(0, "restore", file, "--yes")
    let run = try await scene.expect(0, "run")
    #expect(!run.stderr.contains("ordering"), "\(run.everything)")
    #expect(scene.generations() == ["2"])
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["3"])
    await scene.fleet.stop()
  }
}
