import Foundation

/// A real nginx that serves certificates from a host's `live` folder.
package final class WebServer: Sendable {
  package let address: String
  package let port: UInt16 = 8443
  private let program: Running

  /// - Parameters:
  ///   - home: nginx's prefix; `nginx.conf` and all that nginx writes are in it.
  ///   - certificates: lineage and server name, one server block each.
  ///   - placeholders: whether there is nothing yet that it could serve.
  package init(
    home: String, base: String, at address: String, certificates: [(lineage: String, name: String)],
    placeholders: Bool = true
  ) async throws {
    self.address = address
    let servers = certificates.map { certificate in
      """
        server {
          listen \(address):8443 ssl;
          server_name \(certificate.name);
          ssl_certificate \(base)/live/\(certificate.lineage)/fullchain.pem;
          ssl_certificate_key \(base)/live/\(certificate.lineage)/privkey.pem;
          location / { return 200 "\(certificate.name)\\n"; }
        }
      """
    }
    for certificate in certificates where placeholders {
      try await Placeholder.make(lineage: certificate.lineage, base: base)
    }
    for folder in ["body", "proxy", "fastcgi", "uwsgi", "scgi"] {
      try Files.makeFolder("\(home)/tmp/\(folder)")
    }
    try Files.write(
      home + "/nginx.conf",
      """
      daemon off;
      pid nginx.pid;
      error_log error.log;
      worker_processes 1;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 64; }
      http {
        access_log off;
        client_body_temp_path tmp/body;
        proxy_temp_path tmp/proxy;
        fastcgi_temp_path tmp/fastcgi;
        uwsgi_temp_path tmp/uwsgi;
        scgi_temp_path tmp/scgi;
      \(servers.joined(separator: "\n"))
      }

      """)
    program = try Running(
      try Program.find("nginx"), ["-p", home, "-c", "nginx.conf", "-e", "error.log"],
      stdout: home + "/nginx.log", stderr: home + "/nginx.log")
    try await eventually("nginx answers at \(address): \(Files.read(home + "/nginx.log"))") {
      Loopback.answers(address, 8443)
    }
  }

  package var id: Int32 { program.id }

  package func stop() async { await program.stop() }
}

/// What a web server needs to start before its first real certificate: a self-signed one as generation 0, as
/// Debian's ssl-cert gives new servers theirs.
enum Placeholder {
  static func make(lineage: String, base: String) async throws {
    let folder = "\(base)/archive/\(lineage)/0"
    try Files.makeFolder(folder)
    try Files.makeFolder(base + "/live")
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj",
        "/CN=placeholder", "-keyout", folder + "/privkey.pem", "-out", folder + "/fullchain.pem",
      ])
    let link = "\(base)/live/\(lineage)"
    try? FileManager.default.removeItem(atPath: link)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../archive/\(lineage)/0")
  }
}
