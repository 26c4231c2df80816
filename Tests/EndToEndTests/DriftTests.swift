import Foundation
import Testing
import ThrowawayFleet

/// What hosts have is seen, told, and mended.
@Suite struct DriftTests {
  enum Kind: String, CaseIterable {
    case gone, older, other, key, mode, missing, link, served

    /// As it is told.
    var told: String {
      switch self {
      case .gone: "drifted (gone): nothing is there"
      case .older: "drifted (an earlier one): generation 1 is there"
      case .other: "drifted (not ours): a certificate for one.example until "
      case .key: "drifted (damaged): the key does not belong to the certificate"
      case .mode: "drifted (damaged): privkey.pem can be read by others (0644)"
      case .missing: "drifted (damaged): privkey.pem is missing or cannot be read"
      case .link: "drifted (not ours): the link is not certfleet's"
      case .served: "drifted (not served): port 8443 serves CN=old.example until "
      }
    }
  }

  @Test(arguments: Kind.allCases)
  func `drift is told by a look and mended by the next run, and nothing is ordered for it`(_ kind: Kind)
    async throws
  {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["2", "2"])
    let good = try await scene.expect(0, "look")
    #expect(good.stdout == "as it should be: web[1-2]\n", "\(good.everything)")
    let runs = scene.runs(1, "deploy").count
    try await scene.spoil(1, kind)
    let look = try await scene.expect(1, "look")
    #expect(look.stdout.hasPrefix("web2: one.example: \(kind.told)"), "\(look.everything)")
    #expect(look.stdout.hasSuffix("as it should be: web1\n"))
    let told = try await scene.report()
    #expect(told.contains("web2 has drifted ("), "\(told)")
    let plan = try await scene.expect(0, "plan").stdout
    #expect(plan.contains("why: drifted: ") && plan.contains("wave 1: web2\n"), "\(plan)")
    let run = try await scene.expect(0, "run")
    #expect(run.stderr.contains("ok: web2") && !run.stderr.contains("ordering"), "\(run.everything)")
    #expect(!run.stderr.contains("ok: web1"), "\(run.everything)")
    #expect(scene.generations() == ["2", "2"])
    #expect(scene.runs(1, "deploy").count == runs + 1)
    #expect(try await scene.expect(0, "look").stdout == "as it should be: web[1-2]\n")
    #expect(try await scene.report().contains("everything is as it should be"))
    #expect(try await scene.expect(0, "log", "--host", "web2").stdout.contains("drifted"))
    await scene.fleet.stop()
  }

  @Test func `where many drift at once a person looks first`() async throws {
    let scene = try await Scene(hosts: 10)
    try await scene.expect(0, "run")
    for host in 0..<8 { try FileManager.default.removeItem(atPath: scene.hosts[host].base) }
    let look = try await scene.expect(1, "look")
    #expect(
      look.stdout == "web[1-8]: one.example: drifted (gone): nothing is there\nas it should be: web[9-10]\n",
      "\(look.everything)")
    let run = try await scene.expect(3, "run")
    #expect(run.stderr.contains("8 hosts have drifted at once"), "\(run.everything)")
    #expect(run.stdout.contains("certfleet rollout approve 2 --wave 1"), "\(run.everything)")
    #expect(scene.generations() == Array(repeating: "-", count: 8) + ["1", "1"])
    let shown = try await scene.expect(0, "rollout", "show").stdout
    #expect(shown.contains("8 hosts have drifted at once"), "\(shown)")
    try await scene.expect(0, "rollout", "approve", "2")
    let mended = try await scene.expect(0, "run")
    #expect(scene.generations() == Array(repeating: "1", count: 10), "\(mended.everything)")
    await scene.fleet.stop()
  }

  @Test func `what drifts again and again is left to a person, and what is to be told is not mended`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    for _ in 1...2 {
      try await scene.spoil(0, .key)
      try await scene.expect(1, "look")
      try await scene.expect(0, "run")
    }
    try await scene.spoil(0, .key)
    try await scene.expect(1, "look")
    let left = try await scene.expect(1, "run")
    #expect(left.stderr.contains("twice within a day after it was mended"), "\(left.everything)")
    #expect(left.stderr.contains("certfleet rollout start one.example --force"))
    try await scene.expect(0, "rollout", "start", "one.example", "--force")
    try await scene.expect(0, "look")
    try scene.declare(["one.example"], waves: "['rest']", policy: ", drift: 'report'")
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    try await scene.spoil(0, .gone)
    try await scene.expect(1, "look")
    let told = try await scene.expect(1, "run")
    #expect(told.stderr.contains("policy p mends no drift"), "\(told.everything)")
    #expect(scene.generations() == ["-"])
    await scene.fleet.stop()
  }

  @Test func `a fleet that is switched off is not called good, and is looked at by itself`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    // A day and a half later, as far as the state knows.
    try await scene.age(hours: 36)
    await scene.hosts[0].ssh.stop()
    await scene.hosts[0].web.stop()
    let run = try await scene.expect(2, "run")
    #expect(run.stderr.contains("looking at 2 hosts"), "\(run.everything)")
    #expect(run.stderr.contains("web1: one.example: not seen: "), "\(run.everything)")
    try await scene.age(hours: 36)
    let report = try await scene.report()
    #expect(report.contains("web1 was not seen since"), "\(report)")
    #expect(!report.contains("everything is as it should be"))
    let later = try await scene.expect(1, "run")
    #expect(later.stdout.contains("web1 was not seen since"), "\(later.everything)")
    await scene.fleet.stop()
  }
}

extension Scene {
  /// Does behind certfleet's back what people, images and other programs do.
  fileprivate func spoil(_ host: Int, _ kind: DriftTests.Kind) async throws {
    let base = hosts[host].base
    let (live, files) = (base + "/live/one.example", FileManager.default)
    switch kind {
    case .gone: try files.removeItem(atPath: base)
    case .older:
      try files.removeItem(atPath: live)
      try files.createSymbolicLink(atPath: live, withDestinationPath: "../archive/one.example/1")
    case .other:
      let other = hosts[host].home + "/other"
      try Files.makeFolder(other)
      try await SelfSigned.make("one.example", in: other)
      for name in ["cert.pem", "fullchain.pem"] {
        try Files.write(live + "/" + name, Files.read(other + "/cert.pem"))
      }
      try Files.write(live + "/privkey.pem", Files.read(other + "/key.pem"))
    case .key:
      let other = hosts[host].home + "/other"
      try Files.makeFolder(other)
      try await SelfSigned.make("one.example", in: other)
      try Files.write(live + "/privkey.pem", Files.read(other + "/key.pem"))
    case .mode: chmod(live + "/privkey.pem", 0o644)
    case .missing: try files.removeItem(atPath: live + "/privkey.pem")
    case .link:
      let other = hosts[host].home + "/other"
      try Files.makeFolder(other)
      try await SelfSigned.make("one.example", in: other)
      try files.moveItem(atPath: other + "/key.pem", toPath: other + "/privkey.pem")
      try files.copyItem(atPath: other + "/cert.pem", toPath: other + "/fullchain.pem")
      try files.removeItem(atPath: live)
      try files.createSymbolicLink(atPath: live, withDestinationPath: other)
    case .served:
      let configuration = Files.read(hosts[host].home + "/nginx.conf")
      try await point(host, at: true)
      // Right again on disk, and nobody has told nginx.
      try Files.write(hosts[host].home + "/nginx.conf", configuration)
    }
  }

  /// Makes what was seen so much older.
  fileprivate func age(hours: Int) async throws {
    try await Program.succeed(
      try Program.find("sqlite3"),
      [
        certfleet.home + "/certfleet.db",
        "UPDATE observation SET disk_at = disk_at - \(hours * 3600), served_at = served_at - \(hours * 3600)",
      ])
  }
}
