import Foundation
import Testing
import ThrowawayFleet

/// The ways to show control of a name, each with what it meets in the world.
@Suite(.serialized) struct ChallengeTests {
  /// A script that notes certbot's variables, one line a run, and does more.
  private func hook(_ name: String, in scratch: ScratchFolder, _ more: String) async throws -> String {
    let path = "\(scratch.path)/\(name).sh"
    try await Files.writeProgram(
      path,
      """
      #!/bin/sh
      env | grep ^CERTBOT_ | sort | tr '\\n' ' ' >>\(scratch.path)/\(name)
      echo >>\(scratch.path)/\(name)
      \(more)
      """)
    return path
  }

  @Test func `a hook pair gets what certbot gives, and shows wildcard and name together`() async throws {
    let scene = try await IssuingScene(.init(authorizationReuse: 0))
    let folder = scene.scratch.path
    func manage(_ verb: String) -> String {
      "curl -s -d '{\"host\": \"_acme-challenge.'$CERTBOT_DOMAIN'.\", \"value\": \"'$CERTBOT_VALIDATION'\"}' http://\(scene.ca.network.authority):8055/\(verb)"
    }
    let auth = try await hook(
      "auth", in: scene.scratch, manage("set-txt") + "; echo token-$CERTBOT_REMAINING_CHALLENGES")
    let cleanup = try await hook("cleanup", in: scene.scratch, manage("clear-txt"))
    try await scene.declare([
      """
      {name: 'w', domains: ['*.a.example', 'a.example'], issuer: 'ca', challenge: {type: 'dns-01',
        auth_hook: "\(auth)", cleanup_hook: "\(cleanup)", resolver: '\(scene.ca.network.authority)', propagation_timeout: '4s'}}
      """
    ])
    // Pebble's little name server has no zones, so what the propagation check finds is that; the hooks ran.
    let result = try await scene.expect(1, "run").stderr
    #expect(result.contains("no zone is found"))
    let lines = Files.read(folder + "/auth").split(separator: "\n")
    #expect(lines.count == 2)
    for (index, line) in lines.enumerated() {
      #expect(line.contains("CERTBOT_ALL_DOMAINS=a.example,a.example "))
      #expect(line.contains("CERTBOT_DOMAIN=a.example ") && !line.contains("CERTBOT_TOKEN"))
      #expect(line.contains("CERTBOT_REMAINING_CHALLENGES=\(1 - index) "))
      #expect(line.firstMatch(of: #/CERTBOT_VALIDATION=[A-Za-z0-9_-]{43} /#) != nil)
    }
    let undone = Files.read(folder + "/cleanup").split(separator: "\n")
    #expect(undone.count == 2 && undone[0].contains("CERTBOT_AUTH_OUTPUT=") && undone[0].contains("token-0"))
    #expect(try await scene.database("SELECT COUNT(*) FROM presented") == "0")
    await scene.stop()
  }

  @Test func `http-01 by hooks also gives the token, and a hook that fails or hangs is named`() async throws {
    let scene = try await IssuingScene()
    let folder = scene.scratch.path
    func challenge(_ hook: String, _ more: String = "") -> String {
      "challenge: {type: 'http-01', auth_hook: {run: \"\(hook)\", timeout: '2s'} \(more)}"
    }
    func certificate(_ name: String, _ challenge: String) -> String {
      "{name: '\(name)', domains: ['\(name)'], issuer: 'ca', \(challenge)}"
    }
    try await scene.declare([
      certificate("fails.example", challenge("echo 'no credentials' >&2; exit 3")),
      certificate("hangs.example", challenge("(trap '' TERM; sleep 61.75) & sleep 60")),
      certificate("sees.example", challenge(try await hook("seen", in: scene.scratch, "exit 1"))),
    ])
    let result = try await scene.expect(1, "run").stderr
    #expect(result.contains("fails.example: the auth hook ended with status 3: no credentials"))
    #expect(result.contains("hangs.example: the auth hook ran longer than 2s"))
    try await eventually("nothing of the hook is left, however it clings to life") {
      try await Program.run(try Program.find("pgrep"), ["-f", "sleep 61[.]75"]).status == 1
    }
    let seen = Files.read(folder + "/seen")
    #expect(
      seen.firstMatch(of: /CERTBOT_TOKEN=([A-Za-z0-9_-]+) CERTBOT_VALIDATION=([A-Za-z0-9_-]+)\./).map {
        $0.output.1 == $0.output.2
      } == true)
    await scene.stop()
  }

  @Test func `a webroot on the controller serves the token, and is clean afterwards`() async throws {
    let scene = try await IssuingScene()
    let root = scene.scratch.path + "/www"
    let web = try await PlainWebServer(
      root: root, in: scene.scratch.path + "/nginx", at: scene.ca.network.controller,
      port: scene.ca.challengePort)
    try await scene.declare([
      "{name: 'a', domains: ['a.example', 'b.example'], issuer: 'ca', challenge: {type: 'http-01', webroot: '\(root)'}}"
    ])
    try await scene.expect(0, "run")
    let left = try FileManager.default.contentsOfDirectory(atPath: root + "/.well-known/acme-challenge")
    #expect(left.isEmpty)
    await web.stop()
    await scene.stop()
  }

  @Test func `what a crash left to be seen is taken away by the next run`() async throws {
    let scene = try await IssuingScene(.init(authorizationReuse: 0))
    let root = scene.scratch.path + "/www"
    let web = try await PlainWebServer(
      root: root, in: scene.scratch.path + "/nginx", at: scene.ca.network.controller,
      port: scene.ca.challengePort)
    func declare(_ challenge: String) async throws {
      try await scene.declare(["{name: 'a', domains: ['a.example'], issuer: 'ca', \(challenge)}"])
    }
    func left() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: root + "/.well-known/acme-challenge").count
    }
    try await declare("challenge: {type: 'http-01', webroot: '\(root)'}")
    try await scene.expect(137, "run", environment: ["CERTFLEET_FAILPOINT": "proof.presented"])
    #expect(try left() == 1)
    // Even where the way is another by then.
    await web.stop()
    try await declare(scene.challenge)
    try await scene.expect(0, "run")
    #expect(try left() == 0)
    // And where the certificate is not declared any more.
    try await declare("challenge: {type: 'http-01', webroot: '\(root)'}, key: {type: 'ecdsa-p384'}")
    try await scene.expect(137, "run", environment: ["CERTFLEET_FAILPOINT": "proof.presented"])
    #expect(try left() == 1)
    try await scene.declare(["{name: 'b', domains: ['b.example'], issuer: 'ca', \(scene.challenge)}"])
    try await scene.expect(0, "apply", "--prune", scene.scratch.path + "/fleet.json5")
    try await scene.expect(0, "run")
    #expect(try left() == 0)
    await scene.stop()
  }

  @Test(.enabled(if: geteuid() == 0, "named must listen on port 53"))
  func `nsupdate puts the record where it is delegated to, waits for the zone's servers, and removes it`()
    async throws
  {
    let scratch = try ScratchFolder()
    let network = Loopback.random()
    let names = try await NameServer(in: scratch.path + "/named", on: network)
    var temper = PebbleCA.Temper(authorizationReuse: 0)
    temper.nameServer = "\(names.address):53"
    let scene = try await IssuingScene(temper, on: network)
    func challenge(_ more: String) -> String {
      "challenge: {type: 'dns-01', resolver: '\(names.address)', nsupdate: {server: '\(names.address)', key_file: '\(names.keyFile)'\(more)}}"
    }
    func script(_ name: String, _ line: String) async throws -> String {
      let path = "\(scratch.path)/\(name)"
      try await Files.writeProgram(
        path,
        """
        #!/bin/sh
        printf 'server \(names.address) 53\\nupdate \(line)\\nsend\\n' "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" |
          nsupdate -k \(names.keyFile)
        """)
      return path
    }
    let auth = try await script("auth", "add _acme-challenge.%s. 60 TXT \"%s\"")
    let cleanup = try await script("cleanup", "delete _acme-challenge.%s. TXT \"%s\"")
    try await scene.declare([
      """
      {name: 'hooks', domains: ['h.example', '*.h.example'], issuer: 'ca',
        challenge: {type: 'dns-01', resolver: '\(names.address)', auth_hook: '\(auth)', cleanup_hook: '\(cleanup)'}}
      """,
      "{name: 'w', domains: ['*.a.example', 'a.example'], issuer: 'ca', \(challenge(""))}",
      "{name: 'far', domains: ['far.example'], issuer: 'ca', \(challenge(", zone: 'delegated.example'"))}",
    ])
    try await scene.expect(0, "run")
    for name in ["_acme-challenge.a.example", "_acme-challenge.h.example", "far.delegated.example"] {
      #expect(try await names.texts(at: name).isEmpty)
    }
    #expect(
      names.messages.contains(
        "updating zone 'delegated.example/IN': adding an RR at 'far.delegated.example' TXT"))
    try scratch.write("wrong.key", Files.read(names.keyFile).replacing(/secret ".{4}/, with: "secret \"AAAA"))
    try await scene.declare([
      "{name: 'x', domains: ['x.example'], issuer: 'ca', \(challenge("").replacing(names.keyFile, with: scratch.path + "/wrong.key"))}"
    ])
    let refused = try await scene.expect(1, "run").stderr
    #expect(
      refused.contains("x.example: nsupdate was refused:") && refused.contains("check the key"), "\(refused)")
    await scene.stop()
    await names.stop()
  }

  @Test(.enabled(if: geteuid() == 0, "PowerDNS must listen on port 53"))
  func `lexicon puts the records where a DNS company has the zone, and removes them`() async throws {
    let scratch = try ScratchFolder()
    let network = Loopback.random()
    let names = try await PowerDNS(in: scratch.path + "/pdns", on: network)
    var temper = PebbleCA.Temper(authorizationReuse: 0)
    temper.nameServer = "\(names.address):53"
    let scene = try await IssuingScene(temper, on: network)
    func declare(_ certificates: [String], provider: String = "powerdns", key: String) async throws {
      try scratch.write(
        "credentials",
        "# of the API\nLEXICON_POWERDNS_AUTH_TOKEN='\(key)'\nexport LEXICON_POWERDNS_PDNS_SERVER=\(names.api)\n"
      )
      chmod(scratch.path + "/credentials", 0o600)
      let challenge =
        "challenge: {type: 'dns-01', resolver: '\(names.address)', provider: '\(provider)', credentials_file: '\(scratch.path)/credentials'}"
      try await scene.declare(
        certificates.map {
          "{name: '\($0)', domains: ['\($0).example.com', '*.\($0).example.com'], issuer: 'ca', \(challenge)}"
        })
    }
    // Two values at one name, and one in a zone that it is delegated to.
    try await declare(["a", "far"], key: names.apiKey)
    let trace = scratch.path + "/trace"
    let run = try await Program.run(
      try Program.find("strace"),
      ["-f", "-qq", "-s", "4000", "-e", "trace=execve", "-o", trace, CertfleetProgram.path, "run"],
      environment: scene.certfleet.environment)
    #expect(run.status == 0, "\(run.everything)")
    for name in ["_acme-challenge.a.example.com", "far.dyn.example.com"] {
      #expect(try await names.texts(at: name).isEmpty)
    }
    let calls = Files.read(trace).split(separator: "\n").filter { $0.contains("lexicon\", \"--delegated\"") }
    #expect(
      calls.contains { $0.contains("\"dyn.example.com\"") }
        && calls.contains { $0.contains("\"example.com\"") })
    #expect(!Files.read(trace).contains(names.apiKey), "no credential is an argument")
    try await declare(["x"], key: "wrong-key")
    let refused = try await scene.expect(1, "run").stderr
    #expect(
      refused.contains("lexicon (powerdns) failed: ") && refused.contains("401")
        && refused.contains("check credentials_file") && !refused.contains("wrong-key"), "\(refused)")
    try await declare(["y"], provider: "powerdn", key: names.apiKey)
    let unknown = try await scene.expect(1, "run").stderr
    #expect(unknown.contains("lexicon knows no provider 'powerdn'; did you mean 'powerdns'?"), "\(unknown)")
    await scene.stop()
    await names.stop()
  }

  @Test func `an IP address and names over IPv6 and IPv4 are proven by the own listener`() async throws {
    // All addresses at once: the port must be nobody else's.
    var temper = PebbleCA.Temper()
    temper.challengePort = Int.random(in: 20000...29999)
    let scene = try await IssuingScene(temper)
    try await scene.declare([
      """
      {name: 'ip', domains: ['\(scene.ca.network.controller)', 'a.example'], issuer: 'ca',
        challenge: {type: 'http-01', listen: '[::]:\(scene.ca.challengePort)'}}
      """
    ])
    try await scene.expect(0, "run")
    let folder = scene.scratch.path + "/out"
    try await scene.expect(0, "cert", "export", "ip", folder)
    let names = try await Program.succeed(
      try Program.find("openssl"), ["x509", "-in", folder + "/cert.pem", "-noout", "-ext", "subjectAltName"])
    #expect(names.contains("IP Address:\(scene.ca.network.controller)") && names.contains("DNS:a.example"))
    await scene.stop()
  }
}
