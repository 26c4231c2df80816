import Foundation
import Testing
import ThrowawayFleet

/// What a controller does when its own state is not what it left: a slip, an older copy, somebody's hand.
@Suite(.serialized) struct StateTests {
  private func database(_ scene: Scene, _ sql: String) async throws {
    try await Program.succeed(try Program.find("sqlite3"), [scene.certfleet.home + "/certfleet.db", sql])
  }

  @Test func `a host is not taken back because its newest certificate is not stored here any more`()
    async throws
  {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["2", "2"])
    try await database(scene, "DELETE FROM certificate WHERE generation = 2")
    let result = try await scene.expect(1, "run")
    #expect(
      result.everything.contains(
        "generation 2 of one.example is there, which is not stored here (the newest is 1); nothing is taken back"
      ),
      "\(result.everything)")
    #expect(scene.generations() == ["2", "2"])
    #expect(try await scene.expect(0, "plan").everything.contains("nothing is taken back"))
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["3", "3"])
    #expect(try await scene.expect(0, "run").stdout.contains("everything is as it should be"))
    await scene.fleet.stop()
  }

  @Test func `a chain beside another's key goes to no host`() async throws {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    try await database(
      scene,
      "UPDATE certificate SET chain = (SELECT chain FROM certificate WHERE generation = 1) WHERE generation = 2"
    )
    let result = try await scene.expect(1, "rollout", "start", "one.example", "--force")
    #expect(
      result.everything.contains("generation 2 of one.example is not what was stored"), "\(result.everything)"
    )
    #expect(scene.generations() == ["2"])
    await scene.fleet.stop()
  }

  @Test func `an older copy of the state does not take hosts back`() async throws {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    let copy = scene.scratch.path + "/copy"
    try await Program.succeed("/bin/cp", ["-a", scene.certfleet.home, copy])
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    try FileManager.default.removeItem(atPath: scene.certfleet.home)
    try await Program.succeed("/bin/mv", [copy, scene.certfleet.home])
    try await scene.expect(1, "rollout", "start", "one.example", "--force")
    #expect(scene.generations() == ["2"])
    await scene.fleet.stop()
  }

  @Test func `keys are exported into no folder that somebody else could exchange, nor among other files`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    let taken = scene.scratch.path + "/taken"
    try Files.write(taken + "/other", "x")
    #expect(
      try await scene.expect(65, "cert", "export", "one.example", taken).stderr.contains("is not empty"))
    if geteuid() == 0 {
      let theirs = scene.scratch.path + "/theirs"
      try Files.makeFolder(theirs)
      chown(theirs, 1, 1)
      let refused = try await scene.expect(65, "cert", "export", "one.example", theirs + "/new")
      #expect(refused.stderr.contains("\(theirs) belongs to uid 1"), "\(refused.stderr)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: theirs).isEmpty)
    }
    try await scene.expect(0, "cert", "export", "one.example", scene.scratch.path + "/export")
    await scene.fleet.stop()
  }

  @Test func `a result that did not get out is a failure`() async throws {
    let scene = try await Scene(hosts: 1)
    for command in ["plan", "report --json", "cert list", "help"] {
      let result = try await Program.run(
        "/bin/sh", ["-c", "'\(CertfleetProgram.path)' \(command) >/dev/full"],
        environment: scene.certfleet.environment)
      #expect(
        result.status == 1 && result.stderr.contains("the result could not be written: no space left"),
        "\(command): \(result.everything)")
    }
    let head = try await Program.run(
      "/bin/sh", ["-c", "{ '\(CertfleetProgram.path)' help; echo $? >&2; } | head -n 1"],
      environment: scene.certfleet.environment)
    #expect(head.stderr == "0\n")
    // Who is gone before anything was said has not got it, and knows.
    let gone = try await Program.run(
      "/bin/sh", ["-c", "{ sleep 1; '\(CertfleetProgram.path)' help; echo $? >&2; } | true"],
      environment: scene.certfleet.environment)
    #expect(gone.stderr == "1\n", "\(gone.everything)")
    await scene.fleet.stop()
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to mount a small disk"))
  func `on a full disk no order is left at the CA that nobody remembers`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { _, forward in try forward() }
    let mount = try Program.find("mount")
    try Files.makeFolder(scene.certfleet.home)
    try await Program.succeed(
      mount, ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", scene.certfleet.home])
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "account", "register", "ca")
    _ = try await Program.run(
      "/bin/sh", ["-c", "dd if=/dev/zero of='\(scene.certfleet.home)/filler' bs=4096 2>/dev/null"])
    for _ in 1...3 {
      let result = try await Program.run(
        CertfleetProgram.path, ["cert", "renew", "a.example"], environment: scene.certfleet.environment)
      #expect(result.status != 0, "\(result.everything)")
    }
    #expect(try #require(scene.proxy).requests("/order-plz").isEmpty)
    try FileManager.default.removeItem(atPath: scene.certfleet.home + "/filler")
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(try #require(scene.proxy).requests("/order-plz").count == 1)
    try await Program.succeed(try Program.find("umount"), ["-l", scene.certfleet.home])
    await scene.stop()
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to be another user twice"))
  func `no other process of the same user looks into memory, and no core is left`() async throws {
    let scratch = try ScratchFolder()
    chmod(scratch.path, 0o777)
    // Waits for a CA that never answers, with its sealing key in memory.
    let network = Loopback.random()
    let silent = try SwallowingPort(at: network.controller)
    try scratch.write(
      "fleet.json5",
      """
      { issuers: [{name: 'ca', directory: 'https://\(network.controller):2222/dir', agree_to_terms: true}],
        certificates: [{name: 'a.example', domains: ['a.example'], issuer: 'ca'}] }
      """, mode: 0o644)
    let program = scratch.path + "/certfleet"
    // By a process of its own: what this one has open for writing nobody may execute.
    try await Program.succeed(try Program.find("install"), ["-m", "755", CertfleetProgram.path, program])
    let script = """
      cd '\(scratch.path)' && export CERTFLEET_HOME='\(scratch.path)/state' && ulimit -c unlimited
      ./certfleet apply fleet.json5 >applied 2>&1 || { cat applied; exit 9; }
      ./certfleet run >ran 2>&1 & run=$!
      sleep 60 & control=$!
      tries=0; until [ -s ran ] || [ $tries -gt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
      cat /proc/$run/environ >environ 2>/dev/null && echo looked
      head -c 1 /proc/$run/mem >/dev/null 2>&1 && echo read
      strace -p $run -o trace -e trace=none 2>attach & trace=$!
      sleep 1; kill $trace 2>/dev/null
      cat /proc/$control/environ >/dev/null && echo control
      kill -ABRT $run; kill -ABRT $control
      wait $run; echo "ended $?"
      wait $control; mv core* control-core 2>/dev/null
      cat ran
      """
    let result = try await Program.run(
      try Program.find("setpriv"), ["--reuid=1", "--regid=1", "--clear-groups", "/bin/sh", "-c", script])
    #expect(result.stdout.split(separator: "\n").first == "control", "\(result.everything)")
    #expect(
      result.stdout.contains("ended 134\n") && !result.stdout.contains("Backtrace"), "\(result.everything)")
    #expect(
      Files.read(scratch.path + "/attach").contains("Operation not permitted"),
      "\(Files.read(scratch.path + "/attach"))")
    silent.close()
  }

  @Test func `a file with a mistake, and a look at what would change, leave no state behind`() async throws {
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    func apply(_ text: String, _ options: String...) async throws -> Program.Result {
      let file = try scratch.write("fleet.json5", text)
      return try await Program.run(
        CertfleetProgram.path, ["apply", file] + options, environment: certfleet.environment)
    }
    #expect(try await apply("{hosts: [{name: 'web1', adress: 'a'}]}").status == 65)
    #expect(!FileManager.default.fileExists(atPath: certfleet.home))
    let shown = try await apply("{hosts: [{name: 'web1', address: 'a'}]}", "--dry-run")
    #expect(shown.stdout == "+ host web1\n1 added, 0 changed, 0 removed (dry run: nothing was stored)\n")
    #expect(!FileManager.default.fileExists(atPath: certfleet.home))
    #expect(try await apply("{hosts: [{name: 'web1', address: 'a'}]}").status == 0)
    #expect(FileManager.default.fileExists(atPath: certfleet.home + "/sealing.key"))
  }
}
