import Foundation
import Testing
import ThrowawayFleet

/// Each thing that is in the way is provoked, found, and gone by what was said to mend it.
@Suite struct DoctorTests {
  private func found(_ scene: Scene, _ status: Int32) async throws -> String {
    try await scene.expect(status, "doctor").stdout
  }

  @Test func `a fleet that lacks something is told so, and all is well when that is there`() async throws {
    let scene = try await Scene(hosts: 2)
    let first = try await found(scene, 1)
    #expect(
      first.contains(
        "✗ no run has ever ended: nothing is renewed by itself\n    certfleet run, and by a timer")
        && first.contains("! there is no account with pebble yet")
        && first.contains("the DNS has no address for one.example"),
      "\(first)")
    try await scene.expect(0, "account", "register", "pebble")
    #expect(!(try await found(scene, 1)).contains("no account"))
    try await scene.expect(0, "run")
    let second = try await found(scene, 0)
    #expect(!second.contains("✗") && !second.contains("no account"), "\(second)")

    // A host that is not pinned, one that nothing goes to, a certificate that goes nowhere, and one that nobody looks at.
    let file = scene.scratch.path + "/fleet.json5"
    let text = Files.read(file)
    try Files.write(
      file,
      text.replacing("hosts: [", with: "hosts: [{name: 'new1', address: '127.0.0.9'}, ")
        .replacing("to: '*'", with: "to: 'name:web*'")
        .replacing(
          "certificates: [",
          with:
            "certificates: [{name: 'lone.example', domains: ['lone.example'], issuer: 'pebble', challenge: {type: 'http-01', listen: '127.0.0.1:1'}}, "
        ).replacing("verify: [{tls: 8443}],", with: ""))
    try await scene.expect(0, "apply", file)
    let third = try await found(scene, 0)
    for what in [
      "! no certificate goes to new1\n", "! lone.example is issued and goes to no host\n",
      "! nobody looks at what is served of one.example\n", "verify: [{ tls: 443 }]",
    ] { #expect(third.contains(what), "\(what): \(third)") }
    try Files.write(file, Files.read(file).replacing("to: 'name:web*'", with: "to: '*'"))
    try await scene.expect(0, "apply", file)
    let fourth = try await found(scene, 1)
    #expect(
      fourth.contains("✗ no host key of new1 is pinned") && fourth.contains("certfleet host pin new1"),
      "\(fourth)")
    // It is there after all, and its key is as it was said to be.
    let host = scene.hosts[0]
    try Files.write(
      file, Files.read(file).replacing("address: '127.0.0.9'", with: "address: '\(host.address)'"))
    try await scene.expect(0, "apply", file)
    try await scene.expect(0, "host", "pin", "new1", "--fingerprint", try await host.ssh.fingerprint())
    #expect(!(try await found(scene, 0)).contains("no host key"))
    try Files.write(file, text)
    try await scene.expect(0, "apply", file, "--prune", "--yes")
    #expect(try await found(scene, 0) == second)

    // Somebody else has the port, and the CA is gone.
    let port = try Running(
      try Program.find("python3"),
      [
        "-c",
        "import socket, time; s = socket.create_server(('\(scene.fleet.network.controller)', \(scene.fleet.authority.challengePort))); time.sleep(60)",
      ], stdout: nil, stderr: nil)
    try await eventually("the port is taken") {
      Loopback.answers(scene.fleet.network.controller, UInt16(scene.fleet.authority.challengePort))
    }
    let taken = try await found(scene, 1)
    #expect(taken.contains("✗ cannot listen on") && taken.contains("stop what holds the port"), "\(taken)")
    await port.stop()
    #expect(try await found(scene, 0) == second)
    await scene.fleet.authority.stop()
    let gone = try await found(scene, 1)
    #expect(gone.contains("✗ pebble does not answer at https://"), "\(gone)")
    let json = try await scene.expect(1, "doctor", "--json").stdout
    #expect(
      json.contains("\"schema\" : \"certfleet/findings/2\"") && json.contains("\"severity\" : \"problem\""))
    await scene.fleet.stop()
  }

  @Test func `policies that come to no end are found`() async throws {
    let scene = try await Scene(
      hosts: 3, waves: "[{take: 1, bake: '2h'}, 'rest']",
      policy: ", max_unreachable: 0, window: {from: '02:00', to: '03:00', zone: 'UTC'}")
    let baked = try await found(scene, 1)
    #expect(
      baked.contains("! policy p: a wave bakes for 2h 0m, and its window is open for 1h 0m at the most"),
      "\(baked)")
    let file = scene.scratch.path + "/fleet.json5"
    try Files.write(
      file, Files.read(file).replacing("'2h'", with: "'1s'").replacing(/, window: \{[^}]*\}/, with: ""))
    try await scene.expect(0, "apply", file)
    try await scene.expect(0, "run")
    #expect(!(try await found(scene, 0)).contains("policy p"))
    // One is gone, and nobody may be.
    await scene.hosts[2].ssh.stop()
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(1, "run")
    let absent = try await found(scene, 1)
    #expect(
      absent.contains("✗ policy p lets 0 of its 3 hosts be out of reach, and web3 was at its last visit"),
      "\(absent)")
    // It is taken out of the inventory, as was said.
    let text = Files.read(file)
    try Files.write(file, text.replacing(/, \{name: 'web3'[^}]*\}/, with: ""))
    try await scene.expect(0, "apply", "--prune", "--yes", file)
    #expect(!(try await found(scene, 0)).contains("policy p"))
    // Or it is back, and was seen; that it lacks a certificate is another matter.
    try Files.write(file, text)
    try await scene.expect(0, "apply", file)
    let back = try await SSHServer(
      in: scene.hosts[2].home + "/sshd", at: scene.hosts[2].address, home: scene.hosts[2].home,
      authorizedKey: Files.read(scene.fleet.identity + ".pub"))
    try await scene.expect(
      0, "host", "pin", "web3", "--fingerprint", try await scene.hosts[2].ssh.fingerprint())
    #expect(try await found(scene, 1).contains("and web3 was at its last visit"))
    let look = try await scene.certfleet("look", "--to", "name:web3")
    let seen = try await scene.certfleet("doctor").stdout
    #expect(!seen.contains("policy p"), "\(look.everything) \(seen)")
    await back.stop()
    await scene.fleet.stop()
  }

  /// named for the zone, and a CA that says in its directory by which name CAA records let it issue, as public ones do.
  @Test(.enabled(if: geteuid() == 0, "needs root, for port 53"))
  func `CAA records that let only others issue are found`() async throws {
    let scene = try await Scene(hosts: 1)
    let (network, authority) = (scene.fleet.network, scene.fleet.authority)
    let names = try await NameServer(in: scene.scratch.path + "/named", on: network)
    try scene.scratch.write(
      "ca.py",
      """
      import http.server, json, ssl, time
      class CA(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              base = 'https://\(network.authority):14443'
              body = json.dumps({'newNonce': base, 'newAccount': base, 'newOrder': base, 'meta': {'caaIdentities': ['CA.example']}}).encode()
              self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
          def date_time_string(self, timestamp=None): return super().date_time_string(time.time() + 500)
          def log_message(self, *_): pass
      server = http.server.HTTPServer(('\(network.authority)', 14443), CA)
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain('\(authority.caFile)', '\(authority.caFile.replacing("ca.pem", with: "key.pem"))')
      server.socket = context.wrap_socket(server.socket, server_side=True)
      server.serve_forever()
      """)
    let ca = try Running(
      try Program.find("python3"), [scene.scratch.path + "/ca.py"], stdout: nil, stderr: nil)
    try await eventually("the CA is there") { Loopback.answers(network.authority, 14443) }
    let file = scene.scratch.path + "/fleet.json5"
    let challenge =
      "{type: 'dns-01', nsupdate: {server: '\(names.address)', key_file: '\(names.keyFile)'}, resolver: '\(names.address)'}"
    try Files.write(
      file,
      Files.read(file).replacing(authority.directory, with: "https://\(network.authority):14443/")
        .replacing(/challenge: \{[^}]*\}/, with: "challenge: \(challenge)")
        .replacing("domains: ['one.example']", with: "domains: ['one.example', '*.wild.example']"))
    try await scene.expect(0, "apply", file)
    func update(_ lines: String...) async throws {
      try await Program.succeed(
        "/bin/sh",
        [
          "-c",
          "printf '%s\n' 'server \(names.address)' 'zone example' \(lines.map { "'\($0)'" }.joined(separator: " ")) send | nsupdate -k '\(names.keyFile)'",
        ])
    }
    let clock = try await found(scene, 1)
    #expect(
      !clock.contains("CAA")
        && clock.contains(
          /✗ this machine's clock is [0-9]{3} s behind pebble's\n    set it: timedatectl set-ntp true/),
      "\(clock)")
    // Above the names; a wildcard has records of its own.
    try await update("add example 5 CAA 0 issue \"other.example; validationmethods=dns-01\"")
    let first = try await found(scene, 1)
    #expect(
      first.contains(
        "✗ the CAA records of example let only other.example issue, and pebble is CA.example\n    add to the zone: example. CAA 0 issue \"CA.example\""
      ),
      "\(first)")
    try await update("add example 5 CAA 0 issue \"ca.example\"", "add wild.example 5 CAA 0 issuewild \";\"")
    let second = try await found(scene, 1)
    #expect(
      second.contains("✗ the CAA records of wild.example let nobody issue")
        && !second.contains("other.example"),
      "\(second)")
    try await update("add wild.example 5 CAA 0 issuewild \"ca.example\"")
    #expect(!(try await found(scene, 1)).contains("CAA"))
    await ca.stop()
    await names.stop()
    await scene.fleet.stop()
  }

  @Test func `a damaged database and a full disk are found before they lose anything`() async throws {
    guard geteuid() == 0 else { return }
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try scratch.write(
      "fleet.json5", "{ hosts: [\((1...400).map { "{name: 'web\($0)'}" }.joined(separator: ", "))] }")
    try await certfleet.succeed("apply", scratch.path + "/fleet.json5")
    // A little disk of its own, in a mount namespace.
    let small = try await Program.run(
      try Program.find("unshare"),
      [
        "--mount", "--propagation", "private", "/bin/sh", "-c",
        "cp -a '\(certfleet.home)' '\(scratch.path)/kept' && mount -t tmpfs -o size=20m,mode=700 tmpfs '\(certfleet.home)' && cp -a '\(scratch.path)/kept/.' '\(certfleet.home)' && '\(CertfleetProgram.path)' doctor",
      ], environment: certfleet.environment)
    #expect(
      small.status == 1 && small.stdout.contains("MB are free at \(certfleet.home)"), "\(small.everything)")
    let backup = scratch.path + "/backup"
    try await certfleet.succeed("backup", backup)
    // A page in the middle, as a failing disk leaves it.
    let file = try FileHandle(forUpdating: URL(filePath: certfleet.home + "/certfleet.db"))
    let size = try file.seekToEnd()
    try file.seek(toOffset: size / 2 / 4096 * 4096)
    try file.write(contentsOf: Data(repeating: 0x5a, count: 4096))
    try file.close()
    let damaged = try await certfleet("doctor")
    #expect(
      damaged.status != 0
        && (damaged.everything.contains("is damaged") || damaged.everything.contains("malformed")),
      "\(damaged.everything)")
    // As it was said.
    try await certfleet.succeed("restore", backup, "--yes")
    let restored = try await certfleet("doctor")
    #expect(!restored.everything.contains("damaged") && !restored.everything.contains("malformed"))
  }
}
