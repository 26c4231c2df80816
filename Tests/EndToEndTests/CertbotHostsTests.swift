import Foundation
import Testing
import ThrowawayFleet

/// A host where certbot has issued and renewed, with an nginx that serves from its folder throughout.
@Suite struct CertbotHostsTests {
  @Test func `a host is taken over from certbot, renewed, reverted, and given back to it`() async throws {
    let scene = try await CertbotHostScene()
    try await scene.declare(takeOver: "")
    let untold = try await scene.expect(1, "host", "check")
    #expect(
      untold.everything.contains("live/one.example is not a link that certfleet made")
        && untold.everything.contains("take_over: 'certbot'"), "\(untold.everything)")
    try await scene.declare()
    let checked = try await scene.expect(0, "host", "check")
    #expect(checked.everything.contains("ready: web1"), "\(checked.everything)")

    // What fails leaves certbot's, which renews it still.
    try await scene.declare(hook: "exit 3")
    try await scene.expect(1, "run")
    #expect(scene.link == nil && scene.exists("renewal/one.example.conf"))
    #expect(try await scene.serial() == scene.certbotSerial())
    try await scene.certbot.issue("two.example")
    let renewed = try await scene.certbot.renew("--deploy-hook", scene.reload)
    #expect(renewed.everything.contains("live/one.example/fullchain.pem (success)"), "\(renewed.everything)")
    let before = try await scene.serial()

    try await scene.declare()
    try await scene.expect(0, "run")
    #expect(scene.link == "../archive/one.example/1")
    let first = try await scene.serial()
    #expect(first != before)
    // It renews the others, and ours no more.
    let others = try await scene.certbot.renew()
    #expect(
      others.everything.contains("live/two.example/fullchain.pem (success)")
        && !others.everything.contains("live/one.example/"), "\(others.everything)")

    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    let second = try await scene.serial()
    #expect(second != first && scene.link == "../archive/one.example/2")

    try await scene.declare(hook: "[ $CERTFLEET_ACTION = rollback ] || exit 3; \(scene.reload)")
    try await scene.expect(0, "cert", "renew", "one.example")
    let broken = try await scene.expect(1, "run")
    #expect(broken.everything.contains("rolled back"), "\(broken.everything)")
    #expect(try await scene.serial() == second)
    try await scene.declare()
    try await scene.expect(0, "run", "--now")
    let third = try await scene.serial()
    #expect(third != second)

    try await scene.declare(certificates: "")
    let dry = try await scene.expect(
      0, "cert", "retire", "one.example", "--give-back", "certbot", "--dry-run")
    #expect(dry.stdout == "one.example: web1\n")
    let given = try await scene.expect(0, "cert", "retire", "one.example", "--give-back", "certbot", "--yes")
    #expect(
      given.stdout.contains("one.example: given back to certbot on web1\n"), "\(given.everything)")
    #expect(scene.link == nil && scene.exists("renewal/one.example.conf"))
    #expect(try await scene.serial() == third)
    #expect(try await scene.certbotSerial() == third)
    let again = try await scene.certbot.renew("--deploy-hook", scene.reload)
    #expect(again.everything.contains("live/one.example/fullchain.pem (success)"), "\(again.everything)")
    // Old workers of nginx's may answer for a moment.
    try await eventually("certbot's newest is served") {
      let (served, newest) = (try? await scene.serial(), try? await scene.certbotSerial())
      return served == newest && served != third
    }

    let probes = scene.probes()
    #expect(probes.count > 50 && probes.allSatisfy { $0 == "valid" }, "\(probes.filter { $0 != "valid" })")
    await scene.stop()
  }
}

/// One host: sshd, certbot, nginx, and somebody who asks nginx all the time.
private struct CertbotHostScene {
  let scratch: ScratchFolder
  let ca: PebbleCA
  let certbot: Certbot
  let certfleet: CertfleetProgram
  private let ssh: SSHServer
  private let web: WebServer
  private let prober: Running
  private var home: String { scratch.path + "/web1" }
  var reload: String { "nginx -p \(home) -c nginx.conf -e error.log -s reload" }

  init() async throws {
    scratch = try ScratchFolder()
    let network = Loopback.random()
    ca = try await PebbleCA(
      in: scratch.path + "/pebble", on: network, .init(nonceReject: 0, authorizationReuse: 0))
    certfleet = CertfleetProgram(home: scratch.path + "/state")
    let home = scratch.path + "/web1"
    certbot = Certbot(in: home, ca)
    try await certbot.issue("one.example")
    try await KeyPair.make(at: scratch.path + "/id_ed25519", type: "ed25519")
    let address = network.host(1)
    ssh = try await SSHServer(
      in: home + "/sshd", at: address, home: home,
      authorizedKey: Files.read(scratch.path + "/id_ed25519.pub"))
    web = try await WebServer(
      home: home, base: home + "/letsencrypt", at: address, certificates: [("one.example", "one.example")],
      placeholders: false)
    let root = scratch.path + "/root.pem"
    try await Program.succeed(
      try Program.find("curl"), ["-sko", root, "https://\(network.authority):15000/roots/0"])
    let question =
      "openssl s_client -connect \(address):8443 -servername one.example -verify_hostname one.example -verify_return_error -CAfile \(root)"
    prober = try Running(
      "/bin/sh",
      [
        "-c",
        "while :; do if \(question) </dev/null >'\(scratch.path)/probe' 2>&1; then echo valid; else tr '\\n' ' ' <'\(scratch.path)/probe'; echo; fi; sleep 0.08; done",
      ], stdout: scratch.path + "/probes", stderr: "/dev/null")
    try await declare(certificates: "")
    try await expect(0, "host", "pin", "web1", "--fingerprint", try await ssh.fingerprint())
  }

  func declare(
    takeOver: String = "take_over: 'certbot',", hook: String? = nil, certificates: String? = nil
  ) async throws {
    let one = """
      { name: 'one.example', domains: ['one.example'], issuer: 'pebble',
        challenge: {type: 'http-01', listen: '\(ca.network.controller):\(ca.challengePort)'},
        deploy: [{ to: '*', verify: [{tls: 8443}], hooks: {deploy: ['\(hook ?? reload)']} }] }
      """
    try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id_ed25519', base: '~/letsencrypt', \(takeOver)},
        hosts: [{name: 'web1', address: '\(ssh.address)'}],
        issuers: [{name: 'pebble', directory: '\(ca.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [\(certificates ?? one)] }
      """.replacing(", ,", with: ","))
    try await expect(0, "apply", scratch.path + "/fleet.json5", "--prune", "--yes")
  }

  @discardableResult
  func expect(_ status: Int32, _ arguments: String...) async throws -> Program.Result {
    let result = try await Program.run(CertfleetProgram.path, arguments, environment: certfleet.environment)
    guard result.status == status else {
      throw Program.Failed(
        "certfleet \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything)")
    }
    return result
  }

  /// Without zeros at its beginning, as certbot tells it.
  func serial() async throws -> String {
    String(try await Served.serial(at: ssh.address, name: "one.example").drop { $0 == "0" })
  }

  /// Of what certbot takes for its newest.
  func certbotSerial() async throws -> String {
    let told = try await certbot("certificates", "--cert-name", "one.example").stdout
    return told.split(separator: "\n").first { $0.contains("Serial Number:") }
      .map { $0.split(separator: " ").last.map { String($0.uppercased().drop { $0 == "0" }) } ?? "" } ?? told
  }

  var link: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: certbot.folder + "/live/one.example")
  }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: certbot.folder + "/" + name) }
  func probes() -> [String] {
    Files.read(scratch.path + "/probes").split(separator: "\n").map(String.init)
  }

  func stop() async {
    await prober.stop()
    await web.stop()
    await ssh.stop()
    await ca.stop()
  }
}
