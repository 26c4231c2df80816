import Foundation
import ThrowawayFleet

/// A CA and certfleet without hosts: for what happens before a rollout.
struct IssuingScene: Sendable {
  let scratch: ScratchFolder
  let ca: PebbleCA
  let proxy: FaultProxy?
  let certfleet: CertfleetProgram

  /// - Parameter rule: what a proxy before the CA does; `nil` for none.
  init(
    _ temper: PebbleCA.Temper = .init(), on network: Loopback = .random(), rule: FaultProxy.Rule? = nil
  ) async throws {
    scratch = try ScratchFolder()
    ca = try await PebbleCA(in: scratch.path + "/pebble", on: network, temper)
    if let rule {
      proxy = try await FaultProxy(in: scratch.path + "/proxy", before: ca, rule)
    } else {
      proxy = nil
    }
    certfleet = CertfleetProgram(home: scratch.path + "/state")
  }

  var challenge: String {
    "challenge: {type: 'http-01', listen: '\(ca.network.controller):\(ca.challengePort)'}"
  }

  /// Declares certificates with the CA; what is not said is usual.
  ///
  /// - Parameters:
  ///   - issuer: more members of the issuer `ca`.
  ///   - issuers: more issuers.
  func declare(_ certificates: [String], issuer: String = "", issuers: String = "") async throws {
    try scratch.write(
      "fleet.json5",
      """
      { issuers: [{name: 'ca', directory: '\(proxy?.directory ?? ca.directory)', agree_to_terms: true,
        ca_file: 'pebble/ca.pem' \(issuer)} \(issuers)],
        certificates: [\(certificates.joined(separator: ",\n"))] }
      """)
    try await expect(0, "apply", scratch.path + "/fleet.json5")
  }

  /// One certificate by http-01 on our own port.
  func certificate(_ name: String, _ more: String = "") -> String {
    "{name: '\(name)', domains: ['\(name)'], issuer: 'ca', \(challenge) \(more)}"
  }

  @discardableResult
  func expect(
    _ status: Int32, _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> Program.Result {
    let result = try await Program.run(
      CertfleetProgram.path, arguments, environment: certfleet.environment.merging(environment) { $1 })
    guard result.status == status else {
      throw Program.Failed(
        "certfleet \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything)")
    }
    return result
  }

  /// The database's answer to a question, for what no command shows.
  func database(_ sql: String) async throws -> String {
    try await Program.succeed(try Program.find("sqlite3"), [certfleet.home + "/certfleet.db", sql])
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func stop() async {
    await proxy?.stop()
    await ca.stop()
  }
}
