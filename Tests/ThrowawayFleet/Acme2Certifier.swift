import Foundation

/// acme2certifier, an ACME server that is none of Let's Encrypt's: Python's wsgi application behind Python's ssl, with a CA of its own.
/// From PyPI, into the scratch folder.
package final class Acme2Certifier: Sendable {
  package let directory: String
  /// Of its own TLS certificate.
  package let caFile: String
  private let program: Running
  private let folder: String

  private static let version = "0.46"
  private static let port: UInt16 = 14500

  /// - Parameter nameServer: asked for the names to be proven, at port 53.
  /// - Returns: `nil` where PyPI does not have it for this machine.
  package init?(in folder: String, on network: Loopback, nameServer: String) async throws {
    self.folder = folder
    caFile = folder + "/tls.pem"
    directory = "https://\(network.authority):\(Self.port)/directory"
    try Files.makeFolder(folder + "/certs")
    let python = try Program.find("python3")
    let installed = try await Program.run(
      python,
      ["-m", "pip", "install", "-q", "--target", folder + "/site", "acme2certifier==\(Self.version)"])
    guard installed.status == 0 else {
      print("acme2certifier is not to be had: \(installed.stderr.suffix(300))")
      return nil
    }
    let openssl = try Program.find("openssl")
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try await Program.succeed(
      openssl,
      key + [
        "-days", "3650", "-subj", "/CN=another CA", "-addext", "basicConstraints=critical,CA:true", "-addext",
        "keyUsage=critical,keyCertSign,cRLSign", "-keyout", folder + "/ca.key", "-out", folder + "/ca.pem",
      ])
    try await Program.succeed(
      openssl,
      key + [
        "-days", "30", "-subj", "/CN=acme2certifier", "-addext", "subjectAltName=IP:\(network.authority)",
        "-keyout", folder + "/tls.key", "-out", caFile,
      ])
    try Files.write(
      folder + "/acme_srv.cfg",
      """
      [DEFAULT]
      debug: False
      server_name: \(network.authority):\(Self.port)
      [Nonce]
      nonce_check_disable: False
      [CAhandler]
      handler_module: acme2certifier.cahandlers.openssl_ca_handler
      issuing_ca_key: \(folder)/ca.key
      issuing_ca_cert: \(folder)/ca.pem
      issuing_ca_crl: \(folder)/ca.crl
      cert_save_path: \(folder)/certs
      cert_validity_days: 30
      [DBhandler]
      handler: wsgi
      dbfile: \(folder)/acme.db
      [Certificate]
      revocation_reason_check_disable: False
      [Challenge]
      challenge_validation_disable: False
      dns_server_list: ["\(nameServer)"]
      dns_validation_pause_timer: 0
      [Order]
      tnauthlist_support: False

      """)
    try Files.write(
      folder + "/serve.py",
      """
      import ssl, sys
      from socketserver import ThreadingMixIn
      from wsgiref.simple_server import make_server, WSGIServer
      from acme2certifier.share.acme2certifier_wsgi import application, get_handler_cls
      class Server(ThreadingMixIn, WSGIServer): daemon_threads = True
      def behind_tls(environ, start_response):
          environ['wsgi.url_scheme'] = 'https'
          return application(environ, start_response)
      server = make_server('\(network.authority)', \(Self.port), behind_tls, server_class=Server, handler_class=get_handler_cls())
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain('\(caFile)', '\(folder)/tls.key')
      server.socket = context.wrap_socket(server.socket, server_side=True)
      server.serve_forever()
      """)
    let log = folder + "/log"
    program = try Running(
      python, [folder + "/serve.py"],
      environment: ["PYTHONPATH": folder + "/site", "ACME_SRV_CONFIGFILE": folder + "/acme_srv.cfg"],
      stdout: log, stderr: log)
    try await eventually("acme2certifier answers: \(Files.read(log))") {
      Loopback.answers(network.authority, Self.port)
    }
  }

  package var log: String { Files.read(folder + "/log") }

  package func stop() async { await program.stop() }
}
