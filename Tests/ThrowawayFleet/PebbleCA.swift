/// Pebble, Let's Encrypt's test server, with its own DNS in which every name is the controller.
public final class PebbleCA: Sendable {
  public let directory: String
  /// The CA of Pebble's own TLS certificate.
  public let caFile: String
  /// Where Pebble asks for http-01 tokens.
  public let challengePort: Int
  public let network: Loopback
  private let programs: [Running]

  private static let port = 14000

  /// - Parameters:
  ///   - nonceReject: how many percent of good nonces are refused.
  public init(in folder: String, on network: Loopback, nonceReject: Int = 5) async throws {
    self.network = network
    challengePort = 5080
    caFile = folder + "/ca.pem"
    directory = "https://\(network.authority):\(Self.port)/dir"
    try Files.makeFolder(folder)
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=throwaway CA", "-addext", "subjectAltName=IP:\(network.authority)", "-keyout",
        folder + "/key.pem", "-out", caFile,
      ])
    try Files.write(
      folder + "/pebble.json",
      """
      {"pebble": {
        "listenAddress": "\(network.authority):\(Self.port)", "managementListenAddress": "\(network.authority):15000",
        "certificate": "\(caFile)", "privateKey": "\(folder)/key.pem", "httpPort": \(challengePort), "tlsPort": 5001,
        "ocspResponderURL": "", "externalAccountBindingRequired": false}}
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
      try Program.find("pebble"), ["-config", folder + "/pebble.json", "-dnsserver", dns],
      environment: ["PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": String(nonceReject)],
      stdout: folder + "/pebble.log", stderr: folder + "/pebble.log")
    programs = [names, pebble]
    try await eventually("Pebble answers: \(Files.read(folder + "/pebble.log"))") {
      Loopback.answers(network.authority, UInt16(Self.port)) && Loopback.answers(network.authority, 8055)
    }
  }

  public var ids: [Int32] { programs.map(\.id) }

  public func stop() async {
    for program in programs { await program.stop() }
  }
}
