import Foundation
import Testing
import ThrowawayFleet

/// What is not declared any more is taken away from hosts.
@Suite struct RetirementTests {
  @Test func `a certificate is taken away in waves when nothing serves it, revoked, and forgotten`()
    async throws
  {
    let scene = try await Scene(hosts: 3, certificates: ["one.example", "two.example"])
    try await scene.expect(0, "run")
    let declared = try await scene.expect(65, "cert", "retire", "one.example", "--yes")
    #expect(
      declared.stderr.contains("the inventory declares the certificate one.example")
        && declared.stderr.contains("certfleet apply inventory/ --prune"), "\(declared.everything)")
    let unknown = try await scene.expect(65, "cert", "retire", "one.exmple", "--yes")
    #expect(unknown.stderr.contains("did you mean"), "\(unknown.everything)")
    try await scene.keepDeclared(["two.example"])
    let applied = try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5", "--prune")
    #expect(
      applied.everything.contains(
        "one.example stays on web[1-3] with its key, the first until ")
        && applied.everything.contains("certfleet cert retire one.example"), "\(applied.everything)")
    let serials = try await scene.serials()
    // Two have it still in their service's configuration.
    try await scene.point(0, at: true)
    try await scene.expect(65, "cert", "retire", "one.example")
    let dry = try await scene.expect(0, "cert", "retire", "one.example", "--dry-run")
    #expect(dry.stdout == "one.example: web[1-3]\n", "\(dry.everything)")
    let served = try await scene.expect(1, "cert", "retire", "one.example", "--yes", "--revoke")
    #expect(
      served.everything.contains("still serves CN=one.example")
        && served.everything.contains("certfleet cert retire one.example"), "\(served.everything)")
    #expect(scene.generations() == ["-", "1", "1"])
    #expect(try await scene.serials().dropFirst() == serials.dropFirst())
    // It was none of the policy's visits: nothing waits because of it.
    let run = try await scene.expect(0, "run")
    #expect(run.everything.contains("everything is as it should be"), "\(run.everything)")
    for host in 1...2 { try await scene.point(host, at: true) }
    let gone = try await scene.expect(0, "cert", "retire", "one.example", "--yes", "--revoke")
    #expect(
      gone.stdout.contains("one.example generation 1 is revoked\n")
        && gone.stdout.contains("one.example is on no host any more and forgotten here, with its keys\n"),
      "\(gone.everything)")
    for host in scene.hosts {
      #expect(!FileManager.default.fileExists(atPath: host.base + "/archive/one.example"))
    }
    #expect(scene.generations(of: "two.example") == ["1", "1", "1"])
    #expect(scene.runs(0, "deploy").count == 2)
    let log = try await scene.expect(0, "log", "--all").stdout
    #expect(log.contains("retired") && log.contains("one.example"), "\(log)")
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    let again = try await scene.expect(0, "cert", "retire", "one.example", "--yes")
    #expect(again.stdout == "one.example is retired already\n", "\(again.everything)")
    #expect(
      try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5").stdout.contains(
        "nothing changes"))
    // Declared once more it is new.
    try await scene.keepDeclared(["one.example", "two.example"])
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    let plan = try await scene.expect(0, "plan").stdout
    #expect(plan.contains("one.example generation 1 (not issued yet) to web[1-3]"), "\(plan)")
    await scene.fleet.stop()
  }

  @Test func `hooks go before it, and a configuration that names the file puts it back`() async throws {
    let scene = try await Scene(hosts: 1)
    let home = scene.hosts[0].home
    let file = scene.scratch.path + "/fleet.json5"
    // Nobody looks at what is served: only the service's own test can tell.
    let text = Files.read(file).replacing("verify: [{tls: 8443}],", with: "")
    try Files.write(
      file,
      text.replacing(
        /hooks: \{ pre: .*/,
        with:
          "hooks: { retire: 'cat \\\"$HOME/certs/live/$CERTFLEET_RETIRED/fullchain.pem\\\" >~/retired', deploy: '@nginx -p \(home) -c nginx.conf -e error.log' } }] }],"
      ))
    try await scene.expect(0, "apply", file)
    try await scene.expect(0, "run")
    let certificate = Files.read(scene.hosts[0].base + "/live/one.example/fullchain.pem")
    try await scene.keepDeclared([])
    try await scene.expect(0, "apply", file, "--prune", "--yes")
    let needed = try await scene.expect(1, "cert", "retire", "one.example", "--yes")
    #expect(
      needed.everything.contains("rolled back")
        && needed.everything.contains("nginx: [emerg] cannot load certificate"),
      "\(needed.everything)")
    #expect(scene.generations() == ["1"] && Files.read(home + "/retired") == certificate)
    try await scene.point(0, at: true)
    let gone = try await scene.expect(0, "cert", "retire", "one.example", "--yes")
    #expect(gone.stdout.contains("it was not revoked and is valid until "), "\(gone.everything)")
    #expect(scene.generations() == ["-"])
    await scene.fleet.stop()
  }

  @Test func `a host is emptied when it is declared no more, and one that is gone is forgotten`() async throws
  {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    let declared = try await scene.expect(65, "host", "retire", "web2", "--yes")
    #expect(declared.stderr.contains("the inventory declares the certificate one.example for web2"))
    let file = scene.scratch.path + "/fleet.json5"
    let text = Files.read(file)
    let hosts = (1...2).map { "{name: 'web\($0)', address: '\(scene.hosts[$0 - 1].address)'}" }
    try Files.write(file, text.replacing(/hosts: \[.*\],\n/, with: "hosts: [\(hosts[0])],\n"))
    let applied = try await scene.expect(0, "apply", file, "--prune", "--yes")
    #expect(applied.everything.contains("one.example stays on web[2-3]"), "\(applied.everything)")
    try await scene.point(1, at: true)
    await scene.hosts[2].ssh.stop()
    await scene.hosts[2].web.stop()
    let some = try await scene.expect(1, "host", "retire", "web2", "web3", "--yes")
    #expect(
      some.everything.contains("one.example stays on web3 with its key"), "\(some.everything)")
    #expect(scene.generations() == ["1", "-", "1"])
    let forgotten = try await scene.expect(0, "host", "retire", "web3", "--forget", "--yes")
    #expect(!forgotten.everything.contains("on no host any more"), "\(forgotten.everything)")
    #expect(try await scene.expect(0, "apply", file).stdout.contains("stays on") == false)
    let list = try await scene.expect(0, "log", "--all").stdout
    #expect(list.contains("none, no longer "), "\(list)")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "-", "1"])
    await scene.fleet.stop()
  }

  /// As the claim in `TakeOverTests`.
  @Test func `killed at any commit, the next one takes away what is left`() async throws {
    let scene = try await Scene(hosts: 2, waves: "[1, 'rest']")
    let file = scene.scratch.path + "/fleet.json5"
    // Nobody looks at what is served, for nginx has none of it.
    let text = Files.read(file).replacing("verify: [{tls: 8443}],", with: "")
    var kills = 0
    for commit in stride(from: 1, to: 100, by: 3) {
      try Files.write(file, text)
      try await scene.expect(0, "apply", file)
      try await scene.expect(0, "run")
      #expect(scene.generations() == ["1", "1"])
      try await scene.keepDeclared([])
      try await scene.expect(0, "apply", file, "--prune", "--yes")
      let retire = try await Program.run(
        try Program.find("strace"),
        [
          "-f", "-qq", "-o", scene.scratch.path + "/trace", "-e", "trace=fdatasync,fsync", "-e",
          "inject=fdatasync,fsync:signal=KILL:when=\(commit)", CertfleetProgram.path, "cert", "retire",
          "one.example", "--yes",
        ], environment: scene.certfleet.environment)
      if retire.status == 0 { break }
      kills += 1
      // A run between them, on a timer, goes on with it, too.
      if commit % 2 == 0 { try await scene.expect(65, "run") }
      try await scene.expect(0, "cert", "retire", "one.example", "--yes")
      #expect(scene.generations() == ["-", "-"], "killed at commit \(commit)")
      for host in scene.hosts {
        #expect(!FileManager.default.fileExists(atPath: host.base + "/archive/one.example"))
      }
    }
    print("a retirement was killed at \(kills) commits")
    #expect(kills > 5)
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    await scene.fleet.stop()
  }
}

extension Scene {
  /// The same inventory with these certificates of it alone.
  fileprivate func keepDeclared(_ names: [String]) async throws {
    try declare(names, waves: "[1, 'rest']")
  }
}
