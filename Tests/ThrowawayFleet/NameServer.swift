import Foundation

/// A real named (bind9) with one zone that takes updates signed with a TSIG key, and another that delegates to it.
///
/// It listens on port 53, where name servers are asked, of a loopback address that it adds to the interface while it
/// lives, because named takes only addresses that it finds there. Both take root.
package final class NameServer: Sendable {
  package let address: String
  package let keyFile: String
  private let program: Running
  private let log: String

  /// - Parameters:
  ///   - network: names not in a zone of ours do not exist.
  ///   - controller: where every name of `example` is.
  package init(in folder: String, on network: Loopback) async throws {
    address = network.nameServer
    keyFile = folder + "/tsig.key"
    try await Program.succeed(try Program.find("ip"), ["address", "add", address + "/32", "dev", "lo"])
    log = folder + "/named.log"
    try Files.makeFolder(folder)
    let key = try await Program.succeed(try Program.find("tsig-keygen"), ["-a", "hmac-sha256", "certfleet"])
    try Files.write(keyFile, key)
    for (zone, records) in [
      ("example", "* A \(network.controller)\n_acme-challenge.far CNAME far.delegated.example."),
      ("delegated.example", ""),
    ] {
      try Files.write(
        "\(folder)/\(zone).zone",
        """
        $TTL 5
        @ SOA ns.example. hostmaster.example. 1 60 60 600 5
        @ NS ns.example.
        \(zone == "example" ? "ns A \(address)\n" : "")\(records)

        """)
    }
    try Files.write(
      folder + "/named.conf",
      """
      include "\(keyFile)";
      options {
        directory "\(folder)"; pid-file "\(folder)/named.pid"; session-keyfile "\(folder)/session.key";
        listen-on port 53 { \(address); }; listen-on-v6 { none; };
        recursion yes; allow-query { any; }; dnssec-validation no; managed-keys-directory "\(folder)";
      };
      controls { };
      zone "example" { type primary; file "example.zone"; allow-update { key certfleet; }; };
      zone "delegated.example" { type primary; file "delegated.example.zone"; allow-update { key certfleet; }; };

      """)
    program = try Running(
      try Program.find("named"), ["-g", "-c", folder + "/named.conf", "-n", "1"], stdout: log, stderr: log)
    let (log, address) = (log, address)
    try await eventually("named runs: \(Files.read(log))") {
      try await Program.run(
        try Program.find("dig"), ["@\(address)", "+time=1", "+tries=1", "ns.example", "A", "+short"]
      ).stdout.contains(address)
    }
  }

  /// The values at a name.
  package func texts(at name: String) async throws -> [String] {
    try await Program.run(try Program.find("dig"), ["@\(address)", "+short", name, "TXT"]).stdout
      .split(separator: "\n").map(String.init)
  }

  /// What named says that it did.
  package var messages: String { Files.read(log) }

  /// A test that failed in between leaves no address either.
  deinit {
    guard program.isAlive, let ip = try? Program.find("ip") else { return }
    _ = try? Running(
      ip, ["address", "del", address + "/32", "dev", "lo"], stdout: "/dev/null", stderr: "/dev/null")
  }

  package func stop() async {
    await program.stop()
    _ = try? await Program.run(try Program.find("ip"), ["address", "del", address + "/32", "dev", "lo"])
  }
}
