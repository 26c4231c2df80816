import Foundation
import ThrowawayFleet

/// A fleet of its own for one test, declared and pinned, with certfleet's state beside it.
struct Scene: Sendable {
  let scratch: ScratchFolder
  let fleet: LoopbackFleet
  let certfleet: CertfleetProgram
  var hosts: [LoopbackFleet.ThrowawayHost] { fleet.hosts }

  /// What a hook of the tests can be made to do on a host, by files in its home.
  static let steered = """
    echo "$CERTFLEET_ACTION" >>~/%; if [ -e ~/hold-% ]; then : >~/holding; until [ ! -e ~/hold-% ]; do sleep 1; done; fi; \
    if [ -e ~/break-% ] && [ "$CERTFLEET_ACTION" = deploy ]; then echo 'broken on purpose' >&2; exit 3; fi
    """

  init(_ scratch: ScratchFolder, _ fleet: LoopbackFleet, _ certfleet: CertfleetProgram) {
    (self.scratch, self.fleet, self.certfleet) = (scratch, fleet, certfleet)
  }

  /// - Parameters:
  ///   - policy: more of the rollout policy, beginning with a comma.
  ///   - database: the address of one that several controllers share.
  ///   - credentials: the folder of a systemd unit's credentials.
  init(
    hosts count: Int, certificates: [String] = ["one.example"], waves: String = "[1, 'rest']",
    policy: String = "", reload: Bool = true, authority: PebbleCA.Temper = .init(authorizationReuse: 0),
    database: String? = nil, credentials: String? = nil
  ) async throws {
    scratch = try ScratchFolder()
    fleet = try await LoopbackFleet(
      in: scratch.path, on: .random(), hosts: count, certificates: certificates.map { ($0, $0) },
      authority: authority)
    var certfleet = CertfleetProgram(home: scratch.path + "/state")
    certfleet.environment["CERTFLEET_DATABASE"] = database
    certfleet.environment["CREDENTIALS_DIRECTORY"] = credentials
    self.certfleet = certfleet
    try declare(certificates, waves: waves, policy: policy, reload: reload)
    try await expect(0, "apply", scratch.path + "/fleet.json5")
    for host in hosts {
      try await expect(0, "host", "pin", host.name, "--fingerprint", try await host.ssh.fingerprint())
    }
  }

  /// - Parameter selectors: where certificates go that do not go to all hosts.
  func declare(
    _ certificates: [String], waves: String, policy: String = "", reload: Bool = true,
    to selectors: [String: String] = [:]
  ) throws {
    func hook(_ moment: String, _ more: String = "") -> String {
      let command = Self.steered.replacing("%", with: moment) + more
      return "[{run: \"\(command.replacing("\"", with: "\\\""))\", timeout: '300s'}]"
    }
    let declared = certificates.map { name in
      """
      { name: '\(name)', domains: ['\(name)'], issuer: 'pebble',
        challenge: {type: 'http-01', listen: '\(fleet.network.controller):\(fleet.authority.challengePort)'},
        deploy: [{ to: '\(selectors[name] ?? "*")', rollout: 'p', verify: [{tls: 8443}],
          hooks: { pre: \(hook("pre")), deploy: \(hook("deploy", reload ? "; " + LoopbackFleet.reload : "")), post: \(hook("post")) } }] }
      """
    }
    let hosts = hosts.map { "{name: '\($0.name)', address: '\($0.address)'}" }.joined(separator: ", ")
    try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id_ed25519', base: '~/certs'}, hosts: [\(hosts)],
        issuers: [{name: 'pebble', directory: '\(fleet.authority.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [\(declared.joined(separator: ", "))],
        rollouts: [{name: 'p', waves: \(waves)\(policy.contains("max_unreachable") ? "" : ", max_unreachable: 1")\(policy)}] }
      """)
  }

  /// Runs certfleet and insists on its exit code.
  @discardableResult
  func expect(_ status: Int32, _ arguments: String...) async throws -> Program.Result {
    let result = try await Program.run(CertfleetProgram.path, arguments, environment: certfleet.environment)
    guard result.status == status else {
      throw Program.Failed(
        "certfleet \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything)")
    }
    return result
  }

  /// Makes a hook do something on a host: `break-deploy`, `hold-pre` …
  func steer(_ host: Int, _ what: String) throws { try Files.write(hosts[host].home + "/" + what, "") }

  func release(_ host: Int, _ what: String) throws {
    try FileManager.default.removeItem(atPath: hosts[host].home + "/" + what)
  }

  func exists(_ host: Int, _ name: String) -> Bool {
    FileManager.default.fileExists(atPath: hosts[host].home + "/" + name)
  }

  /// How often a hook has run on a host, and for what.
  func runs(_ host: Int, _ moment: String) -> [String] {
    Files.read(hosts[host].home + "/" + moment).split(separator: "\n").map(String.init)
  }

  /// The active generation on each host, as its own disk says.
  func generations(of certificate: String = "one.example") -> [String] {
    hosts.map { host in
      let link = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "\(host.base)/live/\(certificate)")
      return link.map { String($0.split(separator: "/").last ?? "") } ?? "-"
    }
  }

  func serials(for name: String = "one.example") async throws -> [String] {
    var serials: [String] = []
    for host in hosts { serials.append(try await Served.serial(at: host.address, name: name)) }
    return serials
  }

  func report() async throws -> String { try await expect(0, "report", "-o", "wide").stdout }
}
