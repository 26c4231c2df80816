/// A real certbot with a configuration folder of its own, that issues from a Pebble. It tries once more where a nonce is refused, and ends at the
/// second.
package struct Certbot: Sendable {
  /// Its configuration folder.
  package let folder: String
  private let scratch: String
  private let ca: PebbleCA

  /// - Parameter folder: the configuration is in `letsencrypt` there.
  package init(in folder: String, _ ca: PebbleCA) {
    (self.folder, scratch, self.ca) = (folder + "/letsencrypt", folder, ca)
  }

  package func callAsFunction(_ arguments: String..., environment: [String: String] = [:]) async throws
    -> Program.Result
  {
    try await run(arguments, environment)
  }

  private func run(_ arguments: [String], _ environment: [String: String] = [:]) async throws
    -> Program.Result
  {
    try await Program.run(
      try Program.find("certbot"),
      arguments + [
        "--config-dir", folder, "--work-dir", scratch + "/work", "--logs-dir", scratch + "/logs", "-n",
      ], environment: environment.merging(["REQUESTS_CA_BUNDLE": ca.caFile]) { $1 })
  }

  package func issue(_ name: String, _ more: String...) async throws {
    let result = try await run(
      [
        "certonly", "--standalone", "--server", ca.directory, "--agree-tos",
        "--register-unsafely-without-email", "--http-01-address", ca.network.controller, "--http-01-port",
        String(ca.challengePort), "-d", name,
      ] + more)
    guard result.status == 0 else { throw Program.Failed("certbot: \(result.everything)") }
  }

  package func renew(_ more: String..., environment: [String: String] = [:]) async throws -> Program.Result {
    try await run(["renew", "--force-renewal", "--no-random-sleep-on-renew"] + more, environment)
  }
}
