import Foundation
import Testing
import ThrowawayFleet

/// Pebble and acme2certifier, two ACME servers by different hands, beside each other.
@Suite(.enabled(if: geteuid() == 0, "needs root, for port 53"))
struct TwoAuthoritiesTests {
  @Test func `each issues when the other is down, and renewals go back to the first`() async throws {
    let scratch = try ScratchFolder()
    let network = Loopback.random()
    let names = try await NameServer(in: scratch.path + "/named", on: network)
    var temper = PebbleCA.Temper()
    temper.nameServer = names.address + ":53"
    let pebble = try await PebbleCA(in: scratch.path + "/pebble", on: network, temper)
    guard
      let other = try await Acme2Certifier(
        in: scratch.path + "/other", on: network, nameServer: names.address)
    else {
      await pebble.stop()
      return await names.stop()
    }
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    func certificate(_ name: String, _ issuers: String) -> String {
      """
      { name: '\(name)', domains: ['\(name)', '*.\(name)'], issuer: [\(issuers)], challenge: {type: 'dns-01', resolver: '\(names.address)',
        nsupdate: {server: '\(names.address)', key_file: '\(names.keyFile)'}}}
      """
    }
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { issuers: [
          {name: 'pebble', directory: '\(pebble.directory)', agree_to_terms: true, ca_file: '\(pebble.caFile)'},
          {name: 'other', directory: '\(other.directory)', agree_to_terms: true, ca_file: '\(other.caFile)', contact: 'mailto:ops@mail.example.org'}],
        certificates: [\(certificate("a.example", "'pebble', 'other'")), \(certificate("b.example", "'other', 'pebble'"))] }
      """)
    try await certfleet.succeed("apply", inventory)
    func issuer(_ name: String) async throws -> String {
      let folder = scratch.path + "/\(UUID())"
      try await certfleet.succeed("cert", "export", name, folder)
      return try await Program.succeed(
        try Program.find("openssl"), ["x509", "-noout", "-issuer", "-in", folder + "/cert.pem"])
    }

    // Each from its first.
    let first = try await certfleet("run")
    #expect(first.status == 0, "\(first.everything) \(other.log.suffix(2000))")
    #expect(try await issuer("a.example").contains("Pebble"))
    #expect(try await issuer("b.example").contains("another CA"))
    let renewed = try await certfleet("cert", "renew", "b.example")
    #expect(renewed.status == 0, "\(renewed.everything) \(other.log.suffix(2000))")
    // Another account key, and a certificate that is taken back, in a CA that is not Pebble.
    let rolled = try await certfleet("account", "rollover", "other")
    #expect(rolled.status == 0, "\(rolled.everything) \(other.log.suffix(2000))")
    let revoked = try await certfleet("cert", "revoke", "b.example", "--yes")
    #expect(revoked.status == 0, "\(revoked.everything) \(other.log.suffix(2000))")

    // The first of one is gone when something has to be issued: the other stands in, once the first has been tried.
    await other.stop()
    let missed = try await certfleet("run")
    #expect(missed.status == 1, "\(missed.everything)")
    let stoodIn = try await certfleet("run")
    #expect(
      stoodIn.status == 0
        && stoodIn.stderr.contains(
          "b.example: ordering from pebble (the newest is revoked; in the place of other"),
      "\(stoodIn.everything)")
    #expect(try await issuer("b.example").contains("Pebble"))
    let report = try await certfleet("report")
    #expect(report.stdout.contains("b.example") && report.stdout.contains("pebble"), "\(report.everything)")
    await pebble.stop()
    await names.stop()
  }
}
