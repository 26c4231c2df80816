import Foundation
import ThrowawayFleet

/// The report of a fleet whose hosts have three certificates each, beside sqlite3 that reads the rows it is made of.
struct ReportBenchmark {
  struct Figures {
    let text: Measured
    let page: Measured
    /// In seconds.
    let rows: Double
  }

  private static let tries = 5
  private static let certificates = ["one.example", "two.example", "three.example"]

  func run(hosts: Int) async throws -> Figures {
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    for name in Self.certificates {
      try Files.makeFolder(scratch.path + "/" + name)
      try await SelfSigned.make(name, in: scratch.path + "/" + name)
    }
    try declare(hosts, in: scratch)
    try await certfleet.succeed("apply", scratch.path + "/fleet.json5")
    for name in Self.certificates { try await certfleet.succeed("cert", "issue", name) }
    let sqlite = try Program.find("sqlite3")
    let database = certfleet.home + "/certfleet.db"
    try await Program.succeed(sqlite, [database, Self.visited])
    func measured(_ name: String, _ path: String, _ arguments: String...) async throws -> Measured {
      var best: Measured?
      for _ in 0..<Self.tries {
        let one = try await Measured(
          name, hosts: hosts, path, arguments, environment: certfleet.environment)
        best = best.map { $0.wall < one.wall ? $0 : one } ?? one
      }
      return best!
    }
    let rows = try await measured("sqlite3, the same rows", sqlite, database, Self.rows)
    let text = try await measured("certfleet report", CertfleetProgram.path, "report")
    guard text.said.contains("\(hosts) hosts, 3 certificates") else {
      throw Program.Failed("no report: \(text.said.prefix(300))")
    }
    let page = try await measured("certfleet report -o html", CertfleetProgram.path, "report", "-o", "html")
    for one in [rows, text, page] { Said.line(one.line) }
    return Figures(text: text, page: page, rows: rows.wall)
  }

  /// What visits of all hosts would have left, two of a hundred of them failed.
  private static let visited = """
    INSERT INTO placement (host, lineage, generation, staged_at, active_at, served_at, kept_at)
      SELECT h.name, c.lineage, c.generation, t, t, t, t FROM host AS h, certificate AS c, (SELECT unixepoch() AS t);
    INSERT INTO observation (host, lineage, disk_at, served_at, looked_at, generation, fingerprint)
      SELECT h.name, c.lineage, t, t, t, c.generation, json_extract(c.facts, '$.fingerprint')
      FROM host AS h, certificate AS c, (SELECT unixepoch() AS t);
    INSERT INTO last_result (host, lineage, rollout, end, reason, at)
      SELECT h.name, c.lineage, 1, iif(h.rowid % 50 = 0, 'rolled_back', 'ok'),
        iif(h.rowid % 50 = 0, 'deploy hook failed: exit status ' || h.rowid % 3, ''), unixepoch()
      FROM host AS h, certificate AS c;
    """

  private static let rows = """
    SELECT * FROM host; SELECT host, lineage, generation, active_at, kept_at FROM placement WHERE gone_at IS NULL;
    SELECT * FROM observation; SELECT * FROM last_result;
    """

  private func declare(_ hosts: Int, in scratch: ScratchFolder) throws {
    let lines = (1...hosts).map { number in
      "{name: 'web\(number).eu.example.net', address: '10.\(number / 65536).\(number / 256 % 256).\(number % 256)', labels: {role: 'web', rack: 'r\(number % 40)'}},"
    }
    let certificates = Self.certificates.map { name in
      """
      { name: '\(name)', domains: ['\(name)'], issuer: 'bought', certificate: '\(name)/cert.pem',
        private_key: '\(name)/key.pem', deploy: [{to: 'role=web', hooks: {deploy: ['@nginx']}, verify: [{tls: 443}]}] },
      """
    }
    try scratch.write(
      "fleet.json5",
      """
      { hosts: [\(lines.joined(separator: "\n"))], issuers: [{name: 'bought', type: 'files'}],
        certificates: [\(certificates.joined())] }
      """)
  }
}
