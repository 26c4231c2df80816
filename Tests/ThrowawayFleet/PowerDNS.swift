import Foundation

/// A real PowerDNS with two zones, `example.com` and `dyn.example.com`, which its HTTP API changes. It listens on port 53, where name
/// servers are asked; that takes root.
package final class PowerDNS: Sendable {
  package let address: String
  package let apiKey = "throwaway-key"
  package var api: String { "http://\(address):8099" }
  private let program: Running

  package init(in folder: String, on network: Loopback) async throws {
    address = network.nameServer
    try Files.makeFolder(folder)
    try Files.write(
      folder + "/pdns.conf",
      """
      launch=gsqlite3
      gsqlite3-database=\(folder)/pdns.db
      gsqlite3-pragma-synchronous=0
      local-address=\(address)
      local-port=53
      api=yes
      api-key=\(apiKey)
      webserver=yes
      webserver-address=\(address)
      webserver-port=8099
      webserver-allow-from=127.0.0.0/8
      socket-dir=\(folder)
      cache-ttl=0
      query-cache-ttl=0
      negquery-cache-ttl=0
      zone-cache-refresh-interval=0
      security-poll-suffix=

      """)
    let schema = Files.read("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
    // Where two write at once on a busy disk, one of them is told of an internal server error.
    try await Program.succeed(
      try Program.find("sqlite3"), [folder + "/pdns.db", "PRAGMA journal_mode = WAL; \(schema)"])
    let util = try Program.find("pdnsutil")
    for zone in ["example.com", "dyn.example.com"] {
      try await Program.succeed(util, ["--config-dir=\(folder)", "create-zone", zone, "ns.example.com"])
    }
    for record in [
      ["example.com", "ns", "A", address], ["example.com", "*", "A", network.controller],
      ["example.com", "dyn", "NS", "ns.example.com"],
      ["example.com", "_acme-challenge.far", "CNAME", "far.dyn.example.com"],
    ] {
      try await Program.succeed(util, ["--config-dir=\(folder)", "add-record"] + record)
    }
    let log = folder + "/pdns.log"
    program = try Running(
      try Program.find("pdns_server"), ["--config-dir=\(folder)", "--daemon=no", "--guardian=no"],
      stdout: log,
      stderr: log)
    let address = address
    try await eventually("PowerDNS answers: \(Files.read(log))") {
      try await Program.run(
        try Program.find("dig"), ["@\(address)", "+time=1", "+tries=1", "ns.example.com", "A", "+short"]
      ).stdout.contains(address)
    }
  }

  /// The values at a name.
  package func texts(at name: String) async throws -> [String] {
    try await Program.run(try Program.find("dig"), ["@\(address)", "+short", name, "TXT"]).stdout
      .split(separator: "\n").map(String.init)
  }

  package func stop() async { await program.stop() }
}
