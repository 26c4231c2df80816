import Foundation
import ThrowawayFleet

/// Certificates of one name each from one Pebble, http-01: `certbot certonly` in a loop, before and after one
/// `certfleet run` for a hundred. Keys, validation and storing are part of both.
struct IssuanceBenchmark {
  private static let certfleetCount = 100
  private static let certbotCount = 4

  struct Result {
    /// Certificates per second.
    let certbot: Double
    let certfleet: Double
    var ratio: Double { certfleet / certbot }
  }

  func run() async throws -> Result {
    let scratch = try ScratchFolder()
    // certbot gives up where Pebble refuses a nonce twice, as it does at random.
    let ca = try await PebbleCA(
      in: scratch.path + "/pebble", on: .random(), PebbleCA.Temper(nonceReject: 0))
    var certbotTime = try await time { try await certbot("before", ca, scratch) }
    let certfleetTime = try await certfleet(ca, scratch)
    certbotTime += try await time { try await certbot("after", ca, scratch) }
    await ca.stop()
    let result = Result(
      certbot: Double(2 * Self.certbotCount) / certbotTime,
      certfleet: Double(Self.certfleetCount) / certfleetTime)
    Said.line(
      """
      issuing from Pebble, one name each, http-01
        certbot certonly, one after another   \(result.certbot.formatted(.number.precision(.fractionLength(2)))) certificates/s  (\(2 * Self.certbotCount) in \(certbotTime.formatted(.number.precision(.fractionLength(1)))) s)
        certfleet run                         \(result.certfleet.formatted(.number.precision(.fractionLength(2)))) certificates/s  (\(Self.certfleetCount) in \(certfleetTime.formatted(.number.precision(.fractionLength(1)))) s)
        ratio                                 \(result.ratio.formatted(.number.precision(.fractionLength(1))))
      """)
    return result
  }

  private func certbot(_ round: String, _ ca: PebbleCA, _ scratch: ScratchFolder) async throws {
    for number in 1...Self.certbotCount {
      let result = try await Program.run(
        try Program.find("certbot"),
        [
          "certonly", "--standalone", "--server", ca.directory, "--agree-tos",
          "--register-unsafely-without-email",
          "--http-01-address", ca.network.controller, "--http-01-port", String(ca.challengePort), "-n",
          "-d", "\(round)\(number).certbot.example", "--config-dir", scratch.path + "/certbot",
          "--work-dir", scratch.path + "/work", "--logs-dir", scratch.path + "/logs",
        ], environment: ["REQUESTS_CA_BUNDLE": ca.caFile])
      guard result.status == 0 else { throw Program.Failed("certbot: \(result.everything)") }
    }
  }

  private func certfleet(_ ca: PebbleCA, _ scratch: ScratchFolder) async throws -> Double {
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    let certificates = (1...Self.certfleetCount).map { number in
      """
      {name: 'c\(number)', domains: ['c\(number).certfleet.example'], issuer: 'ca',
        challenge: {type: 'http-01', listen: '\(ca.network.controller):\(ca.challengePort)'}}
      """
    }
    let file = try scratch.write(
      "fleet.json5",
      """
      { issuers: [{name: 'ca', directory: '\(ca.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [\(certificates.joined(separator: ","))] }
      """)
    try await succeed(certfleet("apply", file))
    let seconds = try await time { try await succeed(certfleet("run")) }
    let listed = try await certfleet("cert", "list", "--json").stdout
    let issued = listed.matches(of: /"generation" : 1,/).count
    guard issued == Self.certfleetCount else {
      throw Program.Failed("\(issued) of \(Self.certfleetCount) certificates were issued")
    }
    return seconds
  }

  private func succeed(_ result: Program.Result) throws {
    guard result.status == 0 else { throw Program.Failed("certfleet: \(result.everything)") }
  }

  /// In seconds.
  private func time(_ work: () async throws -> Void) async throws -> Double {
    let took = try await ContinuousClock().measure(work)
    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
  }
}
