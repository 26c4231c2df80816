import Foundation
import Testing
import ThrowawayFleet

/// As a new user comes: servers that serve old certificates from other files, and nobody has edited them yet.
@Suite struct FirstHourTests {
  @Test func `a first run ends, says what to edit, and after the edit all is good`() async throws {
    let scene = try await Scene(hosts: 3)
    for host in 0...2 { try await scene.point(host, at: true) }
    // Before anything is ordered: names, hosts and waves.
    let plan = try await scene.expect(0, "plan").stdout
    for part in [
      "one.example: a new certificate is to be ordered", "  wave 1: web1\n  wave 2: web[2-3]\n",
      "  one.example generation 1 (not issued yet) to web[1-3]\n    names: one.example\n",
    ] { #expect(plan.contains(part), "\(plan)") }
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
    try await scene.point(0, at: false)
    let one = try await scene.expect(1, "run")
    #expect(one.stderr.contains("web1: serves one.example now\n") && one.stdout.contains("web[2-3] have it"))
    for host in 1...2 { try await scene.point(host, at: false) }
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
    try await scene.point(0, at: true)
    try await scene.expect(0, "cert", "renew", "one.example")
    let run = try await scene.expect(1, "run")
    let plan = try await scene.expect(0, "rollout", "show", "--plan").stdout
    #expect(plan.contains("wave 1: web2\n  wave 2: web1\n"), "\(plan)")
    #expect(run.stderr.contains("ok: web2") && run.stderr.contains("web1: placed"), "\(run.everything)")
    #expect(scene.generations() == ["2", "2"])
    await scene.fleet.stop()
  }

  enum Trouble: CaseIterable { case off, unpinned, otherKey }

  /// The first in the order, who would be the canary.
  @Test(arguments: Trouble.allCases)
  func `one host that cannot be visited keeps nobody else from the certificate`(_ trouble: Trouble)
    async throws
  {
    let scene = try await Scene(hosts: 3, waves: "[1, 'rest']", policy: ", max_unreachable: '10%'")
    switch trouble {
    case .off: await scene.hosts[0].ssh.stop()
    case .unpinned:
      let file = scene.scratch.path + "/fleet.json5"
      try Files.write(file, Files.read(file).replacing("'web1'", with: "'web0'"))
      try await scene.expect(0, "apply", "--prune", "--yes", file)
    case .otherKey:
      let other = try await scene.hosts[1].ssh.fingerprint()
      try await scene.expect(65, "host", "pin", "web1", "--fingerprint", other)
      let line = Files.read(scene.hosts[1].home + "/sshd/host_key.pub")
      let known = try scene.scratch.write("known", "[\(scene.hosts[0].address)]:2222 \(line)")
      try await scene.expect(0, "host", "pin", "--from-known-hosts", known, "web1")
    }
    let run = try await scene.expect(trouble == .off ? 2 : 1, "run")
    #expect(scene.generations() == ["0", "1", "1"], "\(run.everything)")
    switch trouble {
    case .off: #expect(run.stderr.contains("web1: unreachable"), "\(run.everything)")
    case .unpinned: #expect(run.stderr.contains("left out: web0, no host key is pinned"), "\(run.everything)")
    case .otherKey: #expect(run.stderr.contains("left out: web1: host key changed"), "\(run.everything)")
    }
    // Nothing is ordered again for it.
    let again = try await scene.expect(trouble == .off ? 2 : 1, "run")
    #expect(!again.stderr.contains("ordering"), "\(again.everything)")
    await scene.fleet.stop()
  }

  @Test func `nothing is ordered for a certificate that could go nowhere, unless a person says so`()
    async throws
  {
    let scene = try await Scene(hosts: 2)
    for host in scene.hosts { await host.ssh.stop() }
    let run = try await scene.expect(1, "run")
    #expect(
      run.stderr.contains("one.example: nothing is ordered, none of its hosts can be visited: "),
      "\(run.everything)")
    #expect(!run.stderr.contains("ordering from"))
    let issue = try await scene.expect(1, "cert", "issue", "one.example")
    #expect(issue.stderr.contains("certfleet cert issue one.example --force"), "\(issue.everything)")
    try await scene.expect(0, "cert", "issue", "one.example", "--force")
    await scene.fleet.stop()
  }

  @Test func `a broken hook of one certificate does not hold another that shares no host with it`()
    async throws
  {
    let scene = try await Scene(hosts: 40, certificates: ["one.example", "two.example"])
    try scene.declare(
      ["one.example", "two.example"], waves: "[1, '10%', 'rest']",
      to: ["one.example": "name:web1*", "two.example": "!name:web1*"])
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    // The canary of the one has a mistake of its own, which nginx names.
    let configuration = scene.hosts[0].home + "/nginx.conf"
    try Files.write(configuration, "bogus_directive on;\n" + Files.read(configuration))
    let run = try await scene.expect(1, "run")
    let (one, two) = (scene.generations(), scene.generations(of: "two.example"))
    #expect(!one.contains("1"), "\(run.everything)")
    let others = scene.hosts.indices.filter { !scene.hosts[$0].name.hasPrefix("web1") }
    #expect(others.allSatisfy { two[$0] == "1" } && others.count == 29, "\(run.everything)")
    // On one screen: the host, nginx's own reason, and what to do.
    let screen = run.stdout.split(separator: "\n").prefix(24).joined(separator: "\n")
    for part in ["web1", "[emerg]", "bogus_directive", "certfleet rollout retry 1"] {
      #expect(screen.contains(part), "\(run.stdout)")
    }
    await scene.fleet.stop()
  }

  @Test func `beside an ECDSA certificate of somebody else's, our RSA one is seen`() async throws {
    let scene = try await Scene(hosts: 1)
    try scene.declare(["one.example"], waves: "['rest']")
    let file = scene.scratch.path + "/fleet.json5"
    let check = "verify: [{tls: 8443}"
    try Files.write(
      file,
      Files.read(file).replacing("challenge:", with: "key: {type: 'rsa-2048'}, challenge:").replacing(
        check, with: check + ", {tls: '\(scene.hosts[0].address):8443', from: 'host'}"))
    try await scene.expect(0, "apply", file)
    let (home, live) = (scene.hosts[0].home, "\(scene.hosts[0].base)/live/one.example")
    try Files.makeFolder(home + "/other")
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
        "/CN=other", "-keyout", home + "/other/key.pem", "-out", home + "/other/cert.pem",
      ])
    let configuration = Files.read(home + "/nginx.conf")
    let key = "ssl_certificate_key \(live)/privkey.pem;"
    #expect(configuration.contains(key), "\(configuration)")
    try Files.write(
      home + "/nginx.conf",
      configuration.replacing(
        key,
        with: key + " ssl_certificate \(home)/other/cert.pem; ssl_certificate_key \(home)/other/key.pem;"))
    let run = try await scene.expect(0, "run")
    #expect(run.stderr.contains("ok: web1"), "\(run.everything)")
    #expect(scene.generations() == ["1"])
    await scene.fleet.stop()
  }
}

extension Scene {
  /// Has nginx on a host serve a certificate of its own from files that certfleet does not know, or its own again.
  func point(_ host: Int, at old: Bool) async throws {
    let home = hosts[host].home
    let configuration = Files.read(home + "/nginx.conf")
    let ours = "\(hosts[host].base)/live/one.example/"
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
    let address = hosts[host].address
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
}
