import Foundation
import System
import Testing
import ThrowawayFleet

/// What goes wrong around a run.
@Suite(.serialized) struct TroubleTests {
  @Test func `a host that is down is unreachable, within its budget, and is caught up later`() async throws {
    let scene = try await Scene(hosts: 3)
    await scene.hosts[1].ssh.stop()
    let run = try await scene.expect(2, "run")
    #expect(
      run.stderr.contains(
        "web2: unreachable: cannot connect to \(scene.hosts[1].address):2222: connection refused"))
    #expect(run.stdout.contains("web2 lacks the newest certificate"))
    #expect(scene.generations() == ["1", "0", "1"])
    // It is tried again by itself, and that it is still down is no news.
    let again = try await scene.expect(2, "run")
    #expect(again.stdout.contains("rollout 2 partial: 1 of 1 hosts did not get there"), "\(again.everything)")
    let back = try await SSHServer(
      in: scene.hosts[1].home + "/sshd", at: scene.hosts[1].address, home: scene.hosts[1].home,
      authorizedKey: Files.read(scene.fleet.identity + ".pub"))
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1", "1"])
    #expect(scene.runs(0, "deploy").count == 1)
    await back.stop()
    await scene.fleet.stop()
  }

  @Test func `hosts behind others are pinned, visited and told apart through them`() async throws {
    let scene = try await Scene(hosts: 3)
    let inventory = scene.scratch.path + "/fleet.json5"
    let text = Files.read(inventory)
    for (name, via) in [("web2", "web1"), ("web3", "web2")] {
      let declared = Files.read(inventory).replacing(
        "{name: '\(name)',", with: "{name: '\(name)', via: '\(via)',")
      try scene.scratch.write("fleet.json5", declared)
    }
    try await scene.expect(0, "apply", inventory)
    let fingerprint = try await scene.hosts[2].ssh.fingerprint()
    let pinned = try await scene.expect(0, "host", "pin", "web3", "--fingerprint", fingerprint)
    #expect(pinned.stdout.contains("256 \(fingerprint) web3 (ED25519) is pinned already"))
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1", "1"])
    // A connection from here comes from the controller's side of loopback, one that was forwarded from the jump host's.
    #expect(scene.hosts[2].ssh.log.contains("Accepted publickey"))
    try await scene.expect(0, "cert", "renew", "one.example")
    await scene.hosts[1].ssh.stop()
    let run = try await scene.expect(1, "run")
    #expect(run.stderr.contains("web3: unreachable: via web2: "), "\(run.stderr)")
    #expect(run.stderr.contains("the jump host cannot reach \(scene.hosts[1].address):2222"))
    #expect(scene.generations() == ["2", "1", "1"])
    try scene.scratch.write("fleet.json5", text)
    await scene.fleet.stop()
  }

  @Test func `hosts are reached and known as ssh reaches and knows them`() async throws {
    let scene = try await Scene(hosts: 3)
    let folder = scene.scratch.path
    var configuration = "Include \(folder)/more\nHost inner\n  ProxyJump web1\n"
    var known = ""
    for (host, alias) in zip(scene.hosts, ["web1", "web2", "inner"]) {
      configuration +=
        "Host \(alias)\n  HostName \(host.address)\n  Port 2222\n  IdentityFile \(folder)/id_ed25519\n"
      known += "[\(host.address)]:2222 \(Files.read(host.home + "/sshd/host_key.pub"))"
    }
    try scene.scratch.write("config", configuration)
    try scene.scratch.write("more", "Match host \"web*\"\n  User \(SystemUser.name)\n")
    let declared = Files.read(folder + "/fleet.json5")
      .replacing(/\{name: 'web([12])', address: '[0-9.]*'\}/) { "{name: 'web\($0.1)'}" }
      .replacing(/\{name: 'web3', address: '[0-9.]*'\}/, with: "{name: 'web3', address: 'inner'}")
      .replacing(
        "defaults: {port: 2222, identity: 'id_ed25519',", with: "defaults: {ssh_config: 'config',")
    try scene.scratch.write("other.json5", declared)
    try await scene.expect(0, "apply", folder + "/other.json5", "--home", folder + "/fresh")
    let knownHosts = try scene.scratch.write("known_hosts", known)
    let pinned = try await scene.expect(
      0, "host", "pin", "--from-known-hosts", knownHosts, "--home", folder + "/fresh")
    #expect(pinned.stdout == "pinned the keys of web[1-3]\n")
    try await scene.expect(0, "run", "--home", folder + "/fresh")
    #expect(scene.generations() == ["1", "1", "1"])
    let listed = try await scene.expect(0, "host", "list", "--json", "--home", folder + "/fresh").stdout
    #expect(listed.contains("\"via\" : \"web1\"") && listed.contains(scene.hosts[2].address))
    await scene.fleet.stop()
  }

  @Test func `a changed host key stops before anything is sent, and says both fingerprints`() async throws {
    let scene = try await Scene(hosts: 2)
    let old = try await scene.hosts[0].ssh.fingerprint()
    let folder = scene.hosts[0].home + "/sshd"
    await scene.hosts[0].ssh.stop()
    for name in ["host_key", "host_key.pub"] {
      try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
    let other = try await SSHServer(
      in: folder, at: scene.hosts[0].address, home: scene.hosts[0].home,
      authorizedKey: Files.read(scene.fleet.identity + ".pub"))
    let new = try await other.fingerprint()
    let run = try await scene.expect(1, "run")
    #expect(
      run.stderr.contains(
        "host key changed (pinned ssh-ed25519 \(old), offered ssh-ed25519 \(new)); if expected: certfleet host pin web1"
      ))
    #expect(!other.log.contains("Accepted"))
    // It was found before the order, and keeps nobody else waiting.
    #expect(run.stderr.contains("left out: web1: "), "\(run.everything)")
    #expect(scene.generations() == ["0", "1"])
    let asked = try await scene.expect(65, "host", "pin", "web1")
    #expect(asked.stderr.contains("until now ssh-ed25519 \(old) was pinned"))
    #expect(asked.stderr.contains("there is no terminal to ask on"))
    try await scene.expect(65, "host", "pin", "web1", "--fingerprint", old)
    try await scene.expect(0, "host", "pin", "web1", "--fingerprint", new)
    try await scene.expect(0, "run")
    await other.stop()
    await scene.fleet.stop()
  }

  @Test func `a visit that was lost sight of is asked about by the next run, and not done twice`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    try scene.steer(0, "hold-post")
    let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("the host is in its post hook") { scene.exists(0, "holding") }
    // The network goes: sshd's listener and the session with it; the agent goes on alone.
    let sessions = scene.hosts[0].ssh.sessions
    #expect(!sessions.isEmpty)
    await scene.hosts[0].ssh.stop()
    for id in sessions { kill(id, SIGKILL) }
    #expect(await running.ended() == 1)
    let report = try await scene.report()
    #expect(report.contains("unknown (rollout 1)"), "\(report)")
    try scene.release(0, "hold-post")
    let back = try await SSHServer(
      in: scene.hosts[0].home + "/sshd", at: scene.hosts[0].address, home: scene.hosts[0].home,
      authorizedKey: Files.read(scene.fleet.identity + ".pub"))
    let again = try await scene.expect(0, "run")
    #expect(
      again.stderr.contains("rollout 1: asking web1 how the last visit ended")
        && again.stderr.contains("web1: ok"))
    #expect(scene.runs(0, "deploy") == ["deploy"] && scene.generations() == ["1"])
    await back.stop()
    await scene.fleet.stop()
  }

  @Test(arguments: ["pre", "deploy", "post"])
  func `killed in the middle of a wave and run again, it goes on where it was`(moment: String) async throws {
    let scene = try await Scene(hosts: 4, waves: "[1, 2, 'rest']")
    for host in [1, 2] { try scene.steer(host, "hold-\(moment)") }
    let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("both hosts of wave 2 are in their \(moment) hook") {
      scene.exists(1, "holding") && scene.exists(2, "holding")
    }
    running.signal(SIGKILL)
    #expect(await running.ended() == 128 + SIGKILL)
    for host in [1, 2] { try scene.release(host, "hold-\(moment)") }
    let again = try await scene.expect(0, "run")
    #expect(again.stderr.contains("was interrupted; asking the hosts that were being visited"))
    #expect(!again.stderr.contains("rollout 2:"))
    #expect(scene.generations() == ["1", "1", "1", "1"])
    #expect(scene.runs(0, "deploy") == ["deploy"] && scene.runs(3, "deploy") == ["deploy"])
    // A visit that the controller had confirmed is finished by its host and not done again; one that it had not
    // confirmed went back by itself and is done once more.
    let expected = moment == "post" ? ["deploy"] : ["deploy", "rollback", "deploy"]
    #expect(scene.runs(1, "deploy") == expected && scene.runs(2, "deploy") == expected)
    #expect(try await Set(scene.serials()).count == 1)
    #expect(try await scene.expect(0, "log", "--verify").stdout.contains("none altered"))
    await scene.fleet.stop()
  }

  @Test func `a rollout that a renewal overtook after a crash is superseded, and its visits are known`()
    async throws
  {
    let scene = try await Scene(hosts: 2)
    try scene.steer(0, "hold-deploy")
    let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("the canary is in its deploy hook") { scene.exists(0, "holding") }
    running.signal(SIGKILL)
    _ = await running.ended()
    try scene.release(0, "hold-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    let run = try await scene.expect(0, "run")
    #expect(run.stderr.contains("web1: rolled back: no word from the controller"))
    #expect(run.stderr.contains("rollout 1 superseded") && run.stderr.contains("rollout 2 succeeded"))
    #expect(scene.generations() == ["2", "2"])
    await scene.fleet.stop()
  }

  @Test func `one run at a time, and ^C lets the hosts under way end`() async throws {
    let scene = try await Scene(hosts: 3)
    try scene.steer(0, "hold-deploy")
    let output = scene.scratch.path + "/run.out"
    let running = try scene.certfleet.start("run", output: output)
    try await eventually("the canary is in its deploy hook") { scene.exists(0, "holding") }
    let second = try await scene.expect(75, "run")
    #expect(second.stderr.contains("another certfleet is at work: process \(running.id)"))
    running.signal(SIGINT)
    try await eventually("it says that it stops") {
      Files.read(output).contains("stopping: nothing new is begun")
    }
    try scene.release(0, "hold-deploy")
    #expect(await running.ended() == 1)
    #expect(Files.read(output).contains("go on with: certfleet run"))
    #expect(scene.generations() == ["1", "0", "0"])
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1", "1"] && scene.runs(0, "deploy").count == 1)
    await scene.fleet.stop()
  }

  @Test func `a terminal that goes away lets the hosts under way end, but not one whom nohup has started`()
    async throws
  {
    let scene = try await Scene(hosts: 2)
    try scene.steer(0, "hold-deploy")
    let output = scene.scratch.path + "/run.out"
    let running = try scene.certfleet.start("run", output: output)
    try await eventually("the canary is in its deploy hook") { scene.exists(0, "holding") }
    running.signal(SIGHUP)
    try await eventually("it says that it stops") {
      Files.read(output).contains("stopping: nothing new is begun")
    }
    try scene.release(0, "hold-deploy")
    #expect(await running.ended() == 1)
    #expect(scene.generations() == ["1", "0"])
    try FileManager.default.removeItem(atPath: scene.hosts[0].home + "/holding")
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try scene.steer(0, "hold-deploy")
    let deaf = try Running(
      try Program.find("nohup"), [CertfleetProgram.path, "run"], environment: scene.certfleet.environment,
      stdout: output, stderr: output)
    try await eventually("the canary is in its deploy hook") { scene.exists(0, "holding") }
    deaf.signal(SIGHUP)
    try scene.release(0, "hold-deploy")
    #expect(await deaf.ended() == 0)
    #expect(scene.generations() == ["2", "2"])
    await scene.fleet.stop()
  }

  @Test func `a second signal leaves what is under way, and the exit code names it`() async throws {
    let scene = try await Scene(hosts: 1)
    try scene.steer(0, "hold-deploy")
    let output = scene.scratch.path + "/run.out"
    let running = try scene.certfleet.start("run", output: output)
    try await eventually("the host is in its deploy hook") { scene.exists(0, "holding") }
    running.signal(SIGTERM)
    try await eventually("it says that it stops") { Files.read(output).contains("stopping:") }
    running.signal(SIGTERM)
    #expect(await running.ended() == 128 + SIGTERM)
    try scene.release(0, "hold-deploy")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1"])
    await scene.fleet.stop()
  }

  @Test func `what a user gets wrong is one clear line`() async throws {
    let scene = try await Scene(hosts: 1)
    #expect(
      try await scene.expect(65, "host", "pin", "wbe1").stderr
        == "certfleet: there is no host 'wbe1'; did you mean 'web1'?\n")
    #expect(
      try await scene.expect(65, "cert", "renew", "x").stderr
        == "certfleet: there is no certificate 'x'; see: certfleet cert list\n")
    #expect(
      try await scene.expect(65, "log", "--rollout", "9").stderr
        == "certfleet: rollout 9 is not stored; see: certfleet rollout list\n")
    #expect(
      try await scene.expect(64, "log", "--rollout", "x").stderr.hasPrefix(
        "certfleet: 'x' is not a rollout's number\nusage: "))
    #expect(
      try await scene.expect(64, "host", "pin", "web1", "--fingerprint", "MD5:x").stderr.contains(
        "'MD5:x' is not a fingerprint"))
    try scene.scratch.write(
      "more.json5", "{hosts: [{name: 'new1', address: '127.0.0.9'}, {name: 'new2', address: '127.0.0.9'}]}")
    let applied = try await scene.expect(0, "apply", scene.scratch.path + "/more.json5")
    #expect(applied.stdout.contains("host web1 is stored and not declared here; --prune would remove it"))
    #expect(
      try await scene.expect(0, "plan").stderr
        == "certfleet: left out: new[1-2], no host key is pinned; compare and pin: certfleet host pin\n"
    )
    try await scene.expect(0, "apply", "--prune", "--yes", scene.scratch.path + "/fleet.json5")
    let empty = try ScratchFolder()
    #expect(
      try await scene.expect(65, "run", "--home", empty.path).stderr
        == "certfleet: there is no state in '\(empty.path)' yet: 'certfleet init' writes an inventory to begin with, and 'certfleet apply' stores it; or name another folder with --home\n"
    )
    await scene.fleet.authority.stop()
    let run = try await scene.expect(1, "run")
    #expect(
      run.stderr.contains("certfleet: pebble: \(scene.fleet.authority.directory): Failed to connect")
        && run.stderr.contains("; not ordered: one.example\n"))
    await scene.fleet.stop()
  }
}
