/// Pebble, Let's Encrypt's test server, with its own DNS in which every name is the controller.
package final class PebbleCA: Sendable {
  package let directory: String
  /// The CA of Pebble's own TLS certificate.
  package let caFile: String
  /// Where Pebble asks for http-01 tokens.
  package let challengePort: Int
  package let network: Loopback
  private let folder: String
  private let programs: [Running]

  static let port = 14000
  let keyFile: String

  /// What Pebble can be told to be like.
  package struct Temper: Sendable {
    /// How many percent of good nonces are refused.
    package var nonceReject: Int
    /// How many percent of valid authorizations are used again.
    package var authorizationReuse: Int
    package var alternateRoots = 0
    /// How many intermediates there are.
    package var chainLength = 1
    /// Announces what a coming Pebble will not bear any more.
    package var isStrict = false
    /// The accounts that it serves alone: identifier and key in base64url.
    package var externalAccounts: [String: String] = [:]
    /// In seconds; `nil` is Pebble's own, years.
    package var validity: Int?
    package var challengePort = 5080
    /// Asked instead of the one in which every name is the controller: address and port.
    package var nameServer: String?

    package init(nonceReject: Int = 5, authorizationReuse: Int = 50, validity: Int? = nil) {
      self.nonceReject = nonceReject
      self.authorizationReuse = authorizationReuse
      self.validity = validity
    }
  }

  package init(in folder: String, on network: Loopback, _ temper: Temper = Temper()) async throws {
    self.network = network
    self.folder = folder
    challengePort = temper.challengePort
    keyFile = folder + "/key.pem"
    caFile = folder + "/ca.pem"
    directory = "https://\(network.authority):\(Self.port)/dir"
    try Files.makeFolder(folder)
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=throwaway CA", "-addext", "subjectAltName=IP:\(network.authority),IP:\(network.proxy)",
        "-keyout",
        keyFile, "-out", caFile,
      ])
    try Files.write(
      folder + "/pebble.json",
      """
      {"pebble": {
        "listenAddress": "\(network.authority):\(Self.port)", "managementListenAddress": "\(network.authority):15000",
        "certificate": "\(caFile)", "privateKey": "\(folder)/key.pem", "httpPort": \(challengePort), "tlsPort": 5001,
        \(temper.validity.map { "\"certificateValidityPeriod\": \($0)," } ?? "")
        "ocspResponderURL": "", "externalAccountBindingRequired": \(!temper.externalAccounts.isEmpty),
        "externalAccountMACKeys": {\(temper.externalAccounts.map { "\"\($0)\": \"\($1)\"" }.joined(separator: ", "))}}}
      """)
    let dns = "\(network.authority):8053"
    let names = try Running(
      try Program.find("pebble-challtestsrv"),
      [
        "-dns01", dns, "-management", "\(network.authority):8055", "-http01", "", "-https01", "",
        "-tlsalpn01", "",
        "-defaultIPv4", network.controller, "-defaultIPv6", "",
      ], stdout: folder + "/names.log", stderr: folder + "/names.log")
    let pebble = try Running(
      try Program.find("pebble"),
      ["-config", folder + "/pebble.json", "-dnsserver", temper.nameServer ?? dns]
        + (temper.isStrict ? ["-strict"] : []),
      environment: [
        "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": String(temper.nonceReject),
        "PEBBLE_AUTHZREUSE": String(temper.authorizationReuse),
        "PEBBLE_ALTERNATE_ROOTS": String(temper.alternateRoots),
        "PEBBLE_CHAIN_LENGTH": String(temper.chainLength),
      ],
      stdout: folder + "/pebble.log", stderr: folder + "/pebble.log")
    programs = [names, pebble]
    try await eventually("Pebble answers: \(Files.read(folder + "/pebble.log"))") {
      Loopback.answers(network.authority, UInt16(Self.port)) && Loopback.answers(network.authority, 8055)
    }
  }

  /// How many certificates Pebble has signed.
  package var certificatesIssued: Int {
    Files.read(folder + "/pebble.log").split(separator: "\n").count {
      $0.contains("Issued certificate serial")
    }
  }

  /// Where a name is, for the CA, other than at the controller.
  package func resolve(_ name: String, to address: String) async throws {
    try await tellNames("add-a", "{\"host\": \"\(name).\", \"addresses\": [\"\(address)\"]}")
  }

  /// From now on it is at the controller again.
  package func resolveAsUsual(_ name: String) async throws {
    try await tellNames("clear-a", "{\"host\": \"\(name).\"}")
  }

  private func tellNames(_ verb: String, _ body: String) async throws {
    try await Program.succeed(
      try Program.find("curl"), ["-s", "-d", body, "http://\(network.authority):8055/\(verb)"])
  }

  package var ids: [Int32] { programs.map(\.id) }

  package func stop() async {
    for program in programs { await program.stop() }
  }
}
