import Foundation
import Testing
import ThrowawayFleet

/// Where hosts can be.
@Suite struct AddressTests {
  /// if_inet6 in proc(5): addresses without colons.
  private static let hasIPv6 = Files.read("/proc/net/if_inet6").contains("00000000000000000000000000000001 ")

  @Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
  func `a host with an IPv6 address is pinned from known_hosts and visited like any other`() async throws {
    let (scratch, network) = (try ScratchFolder(), Loopback.random())
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    let server = try await SSHServer(
      in: scratch.path + "/sshd", at: network.host(1), home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"), extraOptions: ["ListenAddress [::1]:2222"])
    try await SelfSigned.make("one.example", in: scratch.path)
    let inventory = try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id'}, hosts: [{name: 'six', address: '::1', base: '~/six'}],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: '*'}]}] }
      """)
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await certfleet.succeed("apply", inventory)
    let known = try scratch.write(
      "known", "[::1]:2222 " + Files.read(scratch.path + "/sshd/host_key.pub"))
    let pinned = try await certfleet("host", "pin", "--from-known-hosts", known)
    #expect(pinned.stdout == "pinned the keys of six\n", "\(pinned.everything)")
    let run = try await certfleet("run")
    #expect(run.status == 0 && run.stderr.contains("ok: six\n"), "\(run.everything)")
    #expect(server.log.contains("from ::1 port"))
    await server.stop()
  }
}
