/// What a server shows to somebody who knows nothing of certfleet: OpenSSL's own client.
package enum Served {
  /// The serial number of the certificate that is served for `name`, in hexadecimal.
  package static func serial(at address: String, port: UInt16 = 8443, name: String) async throws -> String {
    let openssl = try Program.find("openssl")
    let seen = try await Program.run(
      openssl, ["s_client", "-connect", "\(address):\(port)", "-servername", name, "-showcerts"])
    let read = try await Program.run(openssl, ["x509", "-noout", "-serial"], stdin: seen.stdout)
    return read.stdout.split(separator: "=").last.map {
      $0.split(separator: "\n").first.map(String.init) ?? ""
    } ?? ""
  }
}
