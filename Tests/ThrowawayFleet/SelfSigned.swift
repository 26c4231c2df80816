/// A certificate that nobody has to issue.
package enum SelfSigned {
  /// Makes `cert.pem` and `key.pem` in a folder.
  package static func make(_ name: String, in folder: String) async throws {
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
        "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)",
        "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem",
      ])
  }
}
