import Foundation
import ThrowawayFleet

/// One machine with accounts of its own, and a certificate from files for it.
struct PrivateScene: Sendable {
  let scratch: ScratchFolder
  let certfleet: CertfleetProgram
  let host: PrivateHost
  var address: String { host.address }

  init(_ accounts: [PrivateHost.Account], options: [String] = []) async throws {
    scratch = try ScratchFolder()
    certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await KeyPair.make(at: scratch.path + "/id_ed25519", type: "ed25519")
    host = try await PrivateHost(
      in: scratch.path + "/host", at: Loopback.random().host(1), accounts: accounts,
      authorizedKey: Files.read(scratch.path + "/id_ed25519.pub"), options: options)
    try await SelfSigned.make("one.example", in: scratch.path)
  }

  /// Declares hosts and one certificate that goes to them, and pins the hosts.
  func declare(hosts: [String], deploy: String) async throws {
    try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id_ed25519'}, hosts: [\(hosts.joined(separator: ",\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [\(deploy)]}],
        rollouts: [{name: 'all', waves: ['rest'], max_failed: '100%'}] }
      """)
    try await expect(0, "apply", scratch.path + "/fleet.json5")
    let names = try await expect(0, "host", "list").stdout.split(separator: "\n").dropFirst()
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    for name in names {
      try await expect(0, "host", "pin", name, "--fingerprint", try await host.ssh.fingerprint())
    }
  }

  @discardableResult
  func expect(_ status: Int32, _ arguments: String...) async throws -> Program.Result {
    let result = try await Program.run(CertfleetProgram.path, arguments, environment: certfleet.environment)
    guard result.status == status else {
      throw Program.Failed(
        "certfleet \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything) \(host.ssh.log.suffix(2000))"
      )
    }
    return result
  }

  func stop() async { await host.ssh.stop() }
}
