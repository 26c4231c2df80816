import Agents
import Fleet
import Foundation
import System
import ThrowawayFleet

/// One sshd that answers at every loopback address, and a certificate for as many hosts as are wanted: each address is a
/// host with a folder of its own. The folders are in memory: a thousand hosts do not wait for one disk.
struct FleetScene {
  static let width = 64
  let scratch: ScratchFolder
  let server: SSHServer
  private let user = SystemUser.name
  private let publicKey: [UInt8]

  init() async throws {
    scratch = try ScratchFolder()
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    try await SelfSigned.make("one.example", in: scratch.path)
    let (key, der) = (scratch.path + "/key.pem", scratch.path + "/public.der")
    try await Program.succeed(
      try Program.find("openssl"), ["pkey", "-in", key, "-pubout", "-outform", "DER", "-out", der])
    publicKey = [UInt8](try Data(contentsOf: URL(filePath: der)))
    server = try await SSHServer(
      in: scratch.path + "/sshd", at: "0.0.0.0", home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"),
      extraOptions: ["Subsystem sftp internal-sftp"] + HostileHosts.options(in: scratch.path + "/hostile"))
  }

  func stop() async {
    await server.stop()
  }

  static func address(_ host: Int) -> String { "127.1.\(host / 250).\(host % 250 + 1)" }

  // MARK: certfleet

  /// A rollout to hosts that have nothing yet: stage, three hooks, activate, a look at what is served, post; every step is
  /// committed to the database on this machine's disk.
  func certfleet(
    hosts: Int, width: Int = width, port: UInt16 = 2222, by way: String = "auto",
    as name: String = "certfleet, a whole rollout", database: String? = nil, options: [String] = []
  ) async throws -> Measured {
    let (folder, disk) = (try ScratchFolder(), try HostDisk())
    defer { disk.remove() }
    let certfleet = try await declared(
      (1...hosts).map { ("web\($0)", Self.address($0)) }, in: folder, on: disk, width: width, port: port,
      by: way, database: database)
    let run = try await Measured(
      name, hosts: hosts, CertfleetProgram.path, ["run"] + options, environment: certfleet.environment)
    let visited = try await certfleet.succeed("rollout", "show", "1", "--json")
    let ok = visited.matches(of: /"end" : "ok"/).count
    guard ok == hosts else {
      throw Program.Failed("\(ok) of \(hosts) hosts ended well: \(run.said.suffix(2000))")
    }
    return run
  }

  /// An applied inventory whose hosts are pinned.
  func declared(
    _ hosts: [(name: String, address: String)], in folder: ScratchFolder, on disk: HostDisk,
    width: Int = width,
    port: UInt16 = 2222, by way: String = "auto", policy: String = "",
    verify: String = "{run: 'true', from: 'host'}", database: String? = nil
  ) async throws -> CertfleetProgram {
    var certfleet = CertfleetProgram(home: folder.path + "/state")
    certfleet.environment["CERTFLEET_DATABASE"] = database
    let lines = hosts.map {
      "{name: '\($0.name)', address: '\($0.address)', base: '\(disk.path)/\($0.name)'}"
    }
    let file = try folder.write(
      "fleet.json5",
      """
      { defaults: {port: \(port), connection: '\(way)', identity: '\(scratch.path)/id', parallel: \(width)},
        hosts: [\(lines.joined(separator: ",\n"))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought',
          certificate: '\(scratch.path)/cert.pem', private_key: '\(scratch.path)/key.pem',
          deploy: [{to: '*', rollout: 'all', verify: [\(verify)],
            hooks: {pre: ['echo before'], deploy: ['echo reloaded'], post: ['echo after']}}]}],
        rollouts: [{name: 'all', waves: ['rest'], parallel: \(width) \(policy.isEmpty ? "" : ", " + policy)}] }
      """)
    let key = Files.read(scratch.path + "/sshd/host_key.pub")
    let known = try folder.write(
      "known_hosts",
      hosts.map { "\(port == 22 ? $0.address : "[\($0.address)]:\(port)") \(key)" }.joined())
    try await certfleet.succeed("apply", file)
    try await certfleet.succeed("host", "pin", "--from-known-hosts", known)
    return certfleet
  }

  // MARK: The limit

  /// The same script and requests, sent by the C program.
  func raw(hosts: Int, width: Int = width, port: UInt16 = 2222, onlyLogsIn: Bool = false) async throws
    -> Measured
  {
    let (folder, disk) = (try ScratchFolder(), try HostDisk())
    defer { disk.remove() }
    var jobs = ""
    for host in 1...hosts {
      var request = "-"
      let nonce = "n\(host)"
      if !onlyLogsIn {
        request = folder.path + "/\(host)"
        try Data(self.request(host, nonce, disk).bytes(now: Date())).write(to: URL(filePath: request))
      }
      jobs += "\(Self.address(host)) \(port) \(nonce) \(request)\n"
    }
    return try await Measured(
      onlyLogsIn ? "raw C, login alone" : "raw C, the same script", hosts: hosts,
      URL(filePath: CertfleetProgram.path).deletingLastPathComponent().path(percentEncoded: false)
        + "certfleet-bench-raw",
      [String(width), user, scratch.path + "/id"], stdin: jobs)
  }

  private func request(_ host: Int, _ nonce: String, _ disk: HostDisk) -> AgentRequest {
    func hook(_ command: String) -> [Hook] { [Hook(command: command)] }
    let visit = PlannedVisit(
      host: Host(
        name: Host.Name("web\(host)"), address: Self.address(host), base: disk.path + "/web\(host)"),
      certificates: [
        PlannedCertificate(
          lineage: "one.example", generation: Generation(1),
          fingerprint: Fingerprint(String(repeating: "f", count: 64)), domains: ["one.example"],
          hooks: Hooks(pre: hook("echo before"), deploy: hook("echo reloaded"), post: hook("echo after")),
          verify: [Verification(.command("true", timeout: .seconds(10)), from: .host)])
      ])
    let certificate = Array(Files.read(scratch.path + "/cert.pem").utf8)
    let contents = [
      ("cert.pem", "0644", certificate), ("chain.pem", "0644", []), ("fullchain.pem", "0644", certificate),
      ("privkey.pem", "0600", Array(Files.read(scratch.path + "/key.pem").utf8)),
    ]
    let files = contents.map {
      AgentRequest.File(lineage: "one.example", name: $0.0, mode: $0.1, content: $0.2)
    }
    return AgentRequest(
      nonce: nonce, token: VisitToken(nonce), epoch: 1, rollout: Rollout.ID(1), wave: 1, visit: visit,
      materials: .init(files: files, publicKeys: [(lineage: Lineage.Name("one.example"), key: publicKey)]),
      confirmTimeout: .zero)
  }
}

/// Where hosts keep their certificates: the sandbox's own memory.
struct HostDisk {
  let path: String

  init() throws {
    path = Sandbox.disk + "/" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
    try Files.makeFolder(path)
    chmod(path, 0o755)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
