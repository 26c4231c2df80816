import Foundation
import Testing
import ThrowawayFleet

/// A fleet of which a tenth is dead, in every way in which a host can be.
@Suite(.serialized) struct DeadHostsTests {
  /// Which host is dead in which way; of each kind one in thirty.
  private enum State: Int, CaseIterable {
    case refused, swallowed, hung

    static func of(_ host: Int) -> State? { host % 30 < 3 ? State(rawValue: host % 30) : nil }
  }

  /// By the system's ssh fewer, as each is a process.
  @Test(.timeLimit(.minutes(10)), arguments: [("libssh2", 1000), ("ssh", 45)])
  func `they end together, each named rightly, and the others are served`(way: String, hosts: Int)
    async throws
  {
    let (scratch, network) = (try ScratchFolder(), Loopback.random())
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    let key = Files.read(scratch.path + "/id.pub")
    let living = try await SSHServer(
      in: scratch.path + "/living", at: network.host(1), home: scratch.path + "/home", authorizedKey: key)
    let hanging = try await SSHServer(
      in: scratch.path + "/hanging", at: network.host(2), home: scratch.path + "/home2", authorizedKey: key,
      // It hears everything, says nothing, and ends with the connection.
      extraOptions: ["ForceCommand exec cat >/dev/null"])
    let silent = try SwallowingPort(at: network.host(3))
    let addresses: [State?: String] = [
      nil: living.address, .hung: hanging.address, .swallowed: network.host(3), .refused: network.host(4),
    ]
    try await SelfSigned.make("one.example", in: scratch.path)
    let lines = (1...hosts).map {
      "{name: 'h\($0)', address: '\(addresses[State.of($0)] ?? "")', base: '~/h\($0)'}"
    }
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id', connection: '\(way)'}, hosts: [\(lines.joined(separator: ",\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: '*', rollout: 'all'}]}],
        rollouts: [{name: 'all', waves: ['rest'], parallel: 256, max_unreachable: '10%', max_failed: '10%'}] }
      """)
    let known = [
      (living, network.host(1)), (hanging, network.host(2)), (living, network.host(3)),
      (living, network.host(4)),
    ]
    .map { server, address in
      "[\(address)]:2222 \(Files.read("\(scratch.path)/\(server === living ? "living" : "hanging")/host_key.pub"))"
    }.joined()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await certfleet.succeed("apply", inventory)
    try await certfleet.succeed("host", "pin", "--from-known-hosts", try scratch.write("known", known))
    let started = ContinuousClock.now
    let run = try await certfleet("run")
    let took = started.duration(to: .now)
    #expect(run.status == 1, "\(run.everything.suffix(2000))")
    let ends = try await ends(certfleet)
    for host in 1...hosts {
      let expected =
        switch State.of(host) {
        case nil: "ok"
        case .refused where way == "ssh":
          "unreachable: ssh: ssh: connect to host \(network.host(4)) port 2222: Connection refused"
        case .swallowed where way == "ssh":
          "unreachable: ssh: ssh: connect to host \(network.host(3)) port 2222: Connection timed out"
        case .hung where way == "ssh":
          "unknown: the controller lost sight of it; asked again: nothing was said for "
        case .refused: "unreachable: cannot connect to \(network.host(4)):2222: connection refused"
        case .swallowed: "unreachable: cannot connect to \(network.host(3)):2222: timed out"
        case .hung:
          "unknown: the controller lost sight of it; asked again: \(network.host(2)):2222 timed out at waiting for an answer"
        }
      #expect(ends["h\(host)"]?.hasPrefix(expected) == true, "h\(host): \(ends["h\(host)"] ?? "")")
    }
    // Three tries to connect of 15 s each, or half a minute twice: one after the other they would take more than an hour.
    print("\(hosts) hosts by \(way), a tenth of them dead, ended in \(took.components.seconds) s")
    #expect(took < .seconds(420))
    silent.close()
    for server in [living, hanging] { await server.stop() }
  }

  /// Here nobody is out of reach; what becomes another user may hang, refuse, or end without a word.
  @Test func `on this machine, too, those that hang or refuse keep no other from being served`() async throws
  {
    let scratch = try ScratchFolder()
    try await SelfSigned.make("one.example", in: scratch.path)
    try await Files.writeProgram(
      scratch.path + "/bin/sudo",
      """
      #!/bin/sh
      case "$*" in
        *refused*) echo 'sudo: a password is required' >&2; exit 1 ;;
        *swallowed*) exit 0 ;;
        *) exec cat >/dev/null ;;
      esac
      """)
    let hosts = 30
    let lines = (1...hosts).map { host in
      let become = State.of(host).map { ", become: {user: '\($0)'}" } ?? ""
      return "{name: 'h\(host)', connection: 'local', base: '\(scratch.path)/h\(host)'\(become)}"
    }
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { hosts: [\(lines.joined(separator: ",\n"))], issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: '*', rollout: 'all'}]}],
        rollouts: [{name: 'all', waves: ['rest'], parallel: 30, max_unreachable: '20%', max_failed: '20%'}] }
      """)
    var certfleet = CertfleetProgram(home: scratch.path + "/state")
    certfleet.environment["PATH"] = "\(scratch.path)/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try await certfleet.succeed("apply", inventory)
    let run = try await certfleet("run")
    #expect(run.status == 1, "\(run.everything.suffix(2000))")
    let ends = try await ends(certfleet)
    for host in 1...hosts {
      let expected =
        switch State.of(host) {
        case nil: "ok"
        case .refused: "refused: the agent did not start (exit status 1: sudo: a password is required)"
        case .swallowed: "refused: the agent did not start (exit status 0: it said nothing)"
        case .hung: "unknown: the controller lost sight of it; asked again: nothing was said for "
        }
      #expect(ends["h\(host)"]?.hasPrefix(expected) == true, "h\(host): \(ends["h\(host)"] ?? "")")
    }
  }

  /// libssh2 opens one channel of a session at a time, and a jump host tries for two minutes to reach one that swallows.
  @Test func `behind a jump host the dead do not keep the living from being visited`() async throws {
    let (scratch, network) = (try ScratchFolder(), Loopback.random())
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    let server = try await SSHServer(
      in: scratch.path + "/sshd", at: network.host(1), home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"))
    let silent = try SwallowingPort(at: network.host(3))
    try await SelfSigned.make("one.example", in: scratch.path)
    func isDead(_ host: Int) -> Bool { host % 20 == 0 }
    let hosts = (1...60).map {
      "{name: 'h\($0)', via: 'jump', address: '\(isDead($0) ? network.host(3) : server.address)', base: '~/h\($0)'}"
    }
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id'},
        hosts: [{name: 'jump', address: '\(server.address)'}, \(hosts.joined(separator: ",\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: 'h*', rollout: 'all'}]}],
        rollouts: [{name: 'all', waves: ['rest'], parallel: 60, max_unreachable: 3}] }
      """)
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await certfleet.succeed("apply", inventory)
    let known = [server.address, network.host(3)].map {
      "[\($0)]:2222 " + Files.read(scratch.path + "/sshd/host_key.pub")
    }
    try await certfleet.succeed(
      "host", "pin", "--from-known-hosts", try scratch.write("known", known.joined()))
    let run = try await certfleet("run")
    let ends = try await ends(certfleet)
    for host in 1...60 {
      let expected =
        isDead(host) ? "unreachable: via jump: \(network.host(3)):2222 timed out at the jump host" : "ok"
      #expect(ends["h\(host)"]?.hasPrefix(expected) == true, "h\(host): \(ends["h\(host)"] ?? "")")
    }
    #expect(run.status == 2, "\(run.everything.suffix(2000))")
    silent.close()
    await server.stop()
  }

  @Test func `with few descriptors fewer hosts are visited at once, and all are`() async throws {
    let (scratch, network) = (try ScratchFolder(), Loopback.random())
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    let server = try await SSHServer(
      in: scratch.path + "/sshd", at: network.host(1), home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"))
    try await SelfSigned.make("one.example", in: scratch.path)
    let hosts = (1...60).map { "{name: 'h\($0)', address: '\(server.address)', base: '~/h\($0)'}" }
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id'}, hosts: [\(hosts.joined(separator: ",\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: '*', rollout: 'all'}]}],
        rollouts: [{name: 'all', waves: ['rest'], parallel: 60}] }
      """)
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await certfleet.succeed("apply", inventory)
    let known = "[\(server.address)]:2222 " + Files.read(scratch.path + "/sshd/host_key.pub")
    try await certfleet.succeed("host", "pin", "--from-known-hosts", try scratch.write("known", known))
    let run = try await Program.run(
      "/bin/sh", ["-c", "ulimit -n 90; exec \"$0\" run", CertfleetProgram.path],
      environment: certfleet.environment)
    #expect(run.status == 0, "\(run.everything.suffix(2000))")
    #expect(run.stderr.contains("wave 1: 60 ok: h[1-60]\n"), "\(run.stderr.suffix(2000))")
    await server.stop()
  }

  /// How each host's visit of the first rollout ended, and why.
  private func ends(_ certfleet: CertfleetProgram) async throws -> [String: String] {
    struct Shown: Decodable {
      let hosts: [Visited]
      struct Visited: Decodable {
        let host: String
        let end: String?
        let reason: String
      }
    }
    let shown = try JSONDecoder().decode(
      Shown.self, from: Data(try await certfleet.succeed("rollout", "show", "1", "--json").utf8))
    return Dictionary(
      shown.hosts.map { ($0.host, "\($0.end ?? "-")" + ($0.reason.isEmpty ? "" : ": \($0.reason)")) },
      uniquingKeysWith: { $1 })
  }
}
