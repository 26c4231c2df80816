import Connections
import Controller
import Fleet
import Foundation
import Issuance
import Reporting
import System
import Testing
import ThrowawayFleet
import struct Fleet.Host

/// Each use case beside the main job, called as a front end would call it.
@Suite struct UseCaseTests {
  @Test func `hosts are checked, pinned by what a file says, and asked about when nobody knows`() async throws
  {
    let scene = try await ControllerScene()
    try await scene.declare()
    let controller = try scene.controller()
    let unpinned = try await controller.check(hosts: [])
    #expect(unpinned.map(\.result) == [.lacking, .lacking])
    let keys = scene.hosts.map { host in
      let words = Files.read(host.hostKeyFile + ".pub").split(separator: " ")
      return "[\(host.address)]:2222 \(words[0]) \(words[1])"
    }
    try scene.scratch.write("known_hosts", keys[0] + "\nno line of the kind\n")
    let file = scene.scratch.path + "/known_hosts"
    let pinned = try await controller.pin(fromKnownHosts: file, [], keeping: false)
    #expect(pinned.pinned == ["web1"] && pinned.missing == ["web2"] && pinned.unchanged.isEmpty)
    let notices = scene.events.compactMap { if case .knownHosts(let notice) = $0 { notice } else { nil } }
    #expect(notices == [.unreadable(file: file, line: 2)])
    let web2 = try await controller.hostsToPin(["web2"])[0]
    var shown: [HostKey] = []
    let declined = try await controller.pin(web2, wanted: nil, keeping: false) { key, _ in
      shown.append(key)
      return false
    }
    guard case .declined = declined else { Issue.record("\(declined)"); return }
    #expect(shown.map(\.fingerprint) == [try await scene.hosts[1].fingerprint()])
    _ = try await controller.pin(web2, wanted: nil, keeping: false) { _, _ in true }
    #expect(try await controller.check(hosts: []).map(\.result) == [.ready, .ready])
    await #expect(throws: ControllerError.self) {
      try await controller.pin(web2, wanted: "SHA256:another", keeping: false) { _, _ in true }
    }
    await scene.stop()
  }

  @Test func `an account is made and an order issued, revoked and exported`() async throws {
    let scratch = try ScratchFolder()
    let network = Loopback.random()
    let authority = try await PebbleCA(
      in: scratch.path + "/pebble", on: network, .init(nonceReject: 0, authorizationReuse: 0))
    try scratch.write(
      "fleet.json5",
      """
      { issuers: [{name: 'pebble', directory: '\(authority.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'pebble',
          challenge: {type: 'http-01', listen: '\(network.controller):\(authority.challengePort)'}}] }
      """)
    let home = scratch.path + "/state"
    _ = try await Controller.apply(
      [scratch.path + "/fleet.json5"], at: home, environment: [:], prune: false, isDryRun: false)
    let controller = try Controller(at: home, environment: [:])
    let url = try await controller.register("pebble", isStaging: false)
    #expect(try await controller.accounts().map(\.url) == [url])
    let before = try await controller.accounts()[0].keyFingerprint
    #expect(try await controller.rollOverAccountKey("pebble", isStaging: false) != before)
    let request = Controller.IssueRequest(names: nil, urgency: .due)
    #expect(try await controller.due(request).orders.map(\.lineage.name) == ["one.example"])
    let issued = try await controller.issue(request)
    #expect(issued.isComplete && issued.due.orders.count == 1)
    #expect(try await controller.issue(request).due.isEmpty)
    let certificate = try await controller.certificate("one.example", generation: nil)
    let written = try await controller.export(certificate, to: scratch.path + "/out")
    #expect(written.hasKey && written.paths.contains(scratch.path + "/out/fullchain.pem"))
    await #expect(throws: ControllerError.self) {
      try await controller.export(certificate, to: scratch.path + "/out")
    }
    try await controller.revoke(certificate, .superseded, byKey: false)
    await #expect(throws: ControllerError.self) {
      try await controller.certificateToRevoke("one.example", generation: nil)
    }
    #expect(try await controller.certificateDetails("one.example")[0].generations[0].revokedAt != nil)
    #expect(try await controller.due(request).orders.map(\.reason) == [.revoked])
    try await controller.deactivate("pebble", isStaging: false)
    #expect(try await controller.accounts().isEmpty)
    await authority.stop()
  }

  @Test func `a request that names what is not there says so, and what to do`() async throws {
    let scratch = try ScratchFolder()
    let home = scratch.path + "/state"
    #expect { try Controller(at: home, environment: [:]) } throws: {
      "\($0)".contains("there is no state in")
    }
    #expect(!FileManager.default.fileExists(atPath: home))
    try scratch.write(
      "fleet.json5",
      "{ hosts: [{name: 'web1', address: '127.0.0.1'}], issuers: [{name: 'bought', type: 'files'}] }")
    _ = try await Controller.apply(
      [scratch.path + "/fleet.json5"], at: home, environment: [:], prune: false, isDryRun: true)
    #expect(!FileManager.default.fileExists(atPath: home), "a dry run leaves nothing behind")
    _ = try await Controller.apply(
      [scratch.path + "/fleet.json5"], at: home, environment: [:], prune: false, isDryRun: false)
    let controller = try Controller(at: home, environment: [:])
    func says(_ text: String, _ work: () async throws -> Any) async {
      await #expect { try await work() } throws: { "\($0)".contains(text) }
    }
    await says("there is no host 'wbe1'; did you mean 'web1'?") {
      try await controller.check(hosts: ["wbe1"])
    }
    await says("no certificate is declared") { try await controller.runRequest(only: nil) }
    await says("there is no certificate 'x'; see: certfleet cert list") {
      try await controller.certificateDetails("x")
    }
    await says("rollout 7 is not stored; see: certfleet rollout list") {
      try await controller.retryRequest(7)
    }
    await says("bought is not an ACME issuer") {
      try await controller.register("bought", isStaging: false)
    }
    await says("web1 is visited without an installed agent") {
      try await controller.agentInstallations(on: ["web1"])
    }
    await says("RENEWED_LINEAGE is not set") { try await controller.takeOver([:]) }
  }

  @Test func `certbot's lineages are adopted, and a renewal is taken over`() async throws {
    let scratch = try ScratchFolder()
    let live = scratch.path + "/letsencrypt/live/one.example"
    try Files.makeFolder(live)
    try Files.makeFolder(scratch.path + "/letsencrypt/renewal")
    func renew() async throws {
      try await SelfSigned.make("one.example", in: scratch.path)
      try Files.write(live + "/fullchain.pem", Files.read(scratch.path + "/cert.pem"))
      try Files.write(live + "/privkey.pem", Files.read(scratch.path + "/key.pem"))
    }
    try await renew()
    try scratch.write(
      "letsencrypt/renewal/one.example.conf",
      "cert = \(live)/cert.pem\n[renewalparams]\nauthenticator = webroot\nrenew_hook = true\n")
    let controller = try Controller(at: scratch.path + "/state", environment: [:], makes: true)
    let adoption = try await controller.adoption(from: scratch.path + "/letsencrypt", [])
    #expect(adoption.isComplete && adoption.certificates.map(\.names) == [["one.example"]])
    let adopted = try await controller.adopt(adoption)
    #expect(adopted.new == 1 && adopted.known == 0)
    #expect(try await controller.listCertificates().map(\.newest?.generation) == [Generation(1)])
    try await renew()
    let (taken, request) = try await controller.takeOver(
      ["RENEWED_LINEAGE": live, "RENEWED_DOMAINS": "one.example"])
    #expect(taken.generation == Generation(2) && request == nil)
    await #expect(throws: ControllerError.self) {
      try await controller.takeOver(["RENEWED_LINEAGE": live, "RENEWED_DOMAINS": "two.example"])
    }
  }
}
