import Foundation
import Synchronization
import Testing
import ThrowawayFleet

/// Another CA issues when the first cannot and time is short.
@Suite struct StandInTests {
  /// What the first CA says to an order.
  private final class Temper: Sendable {
    let answer = Mutex<FaultProxy.Response?>(nil)
  }

  enum Fault: String, CaseIterable {
    case down, rateLimited, account, rejected

    var response: FaultProxy.Response {
      switch self {
      case .down: FaultProxy.Response(503)
      case .rateLimited: .problem(429, "rateLimited", [("Retry-After", "3600")])
      case .account: .problem(400, "accountDoesNotExist")
      case .rejected: .problem(400, "rejectedIdentifier")
      }
    }
  }

  @Test(arguments: Fault.allCases)
  func `the next issuer is asked where the first cannot, and not where it will not`(fault: Fault) async throws
  {
    let temper = Temper()
    temper.answer.withLock { $0 = fault.response }
    let scene = try await IssuingScene(rule: { request, forward in
      if request.path == "/order-plz", let answer = temper.answer.withLock({ $0 }) { return answer }
      return try forward()
    })
    let other =
      ", {name: 'other', directory: '\(scene.ca.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}"
    let certificate = scene.certificate("a.example").replacing(
      "issuer: 'ca'", with: "issuer: ['ca', 'other']")
    try await scene.declare([certificate], issuers: other)
    // There is no certificate yet: nothing can wait.
    try await scene.expect(1, "run")
    let second = try await scene.run()
    guard fault != .rejected else {
      // Another CA would be asked for the same name.
      #expect(
        second.stderr.contains("not tried before") && !second.stderr.contains("from other"),
        "\(second.everything)")
      await scene.stop()
      return
    }
    #expect(second.status == 0, "\(second.everything)")
    #expect(
      second.stderr.contains(
        "a.example: ordering from other (there is none yet; in the place of ca, which cannot: "),
      "\(second.everything)")
    let shown = try await scene.expect(0, "cert", "show", "a.example").stdout
    #expect(shown.contains("ca, else other") && shown.contains(scene.ca.directory), "\(shown)")
    // It is good: nothing is ordered because it is another's, and a renewal goes back to the first.
    temper.answer.withLock { $0 = nil }
    let idle = try await scene.expect(0, "run")
    #expect(!idle.stderr.contains("ordering"), "\(idle.everything)")
    // What the CA itself has asked for holds for everybody.
    guard fault != .rateLimited else { return await scene.stop() }
    try await scene.expect(0, "cert", "renew", "a.example")
    let renewed = try await scene.expect(0, "cert", "show", "a.example").stdout
    #expect(renewed.contains(scene.proxy?.directory ?? "-"), "\(renewed)")
    await scene.stop()
  }

  @Test func `while there is time the first is waited for`() async throws {
    let temper = Temper()
    let scene = try await IssuingScene(rule: { request, forward in
      if request.path == "/order-plz", let answer = temper.answer.withLock({ $0 }) { return answer }
      return try forward()
    })
    let other =
      ", {name: 'other', directory: '\(scene.ca.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}"
    let certificate = scene.certificate("a.example").replacing(
      "issuer: 'ca'", with: "issuer: ['ca', 'other']")
    try await scene.declare([certificate], issuers: other)
    try await scene.expect(0, "run")
    temper.answer.withLock { $0 = Fault.down.response }
    try await scene.expect(1, "cert", "renew", "a.example")
    let run = try await scene.run()
    #expect(!run.stderr.contains("from other"), "\(run.everything)")
    let declared = try await scene.expect(
      65, "apply",
      try scene.scratch.write(
        "wrong.json5",
        "{issuers: [{name: 'f', type: 'files'}, {name: 'c', directory: 'https://ca.example/dir', agree_to_terms: true}], certificates: [{name: 'x', domains: ['x.example'], issuer: ['c', 'f']}, {name: 'y', domains: ['y.example'], issuer: ['c', 'c']}, {name: 'z', domains: ['z.example'], issuer: []}]}"
      ))
    #expect(
      declared.stderr.contains("'f' is no ACME server; only such can stand in for another")
        && declared.stderr.contains("names an issuer twice") && declared.stderr.contains("needs an issuer"),
      "\(declared.everything)")
    await scene.stop()
  }
}

extension IssuingScene {
  fileprivate func run() async throws -> Program.Result {
    try await Program.run(CertfleetProgram.path, ["run"], environment: certfleet.environment)
  }
}
