package import Foundation
import Synchronization

/// Stands in front of Pebble and does what Pebble cannot: limits, faults, renewal windows, profiles.
///
/// nginx takes TLS off before it and puts it on again behind it, so that nothing here has to.
package final class FaultProxy: Sendable {
  package let directory: String
  private let front: Running
  private let server: FaultServer

  package struct Request: Sendable {
    package let method: String
    package let path: String
    /// As they came, a line each.
    package let head: String
    package let body: Data

    /// What a signed request says (RFC 7515 §7.2.2).
    package var payload: String {
      guard let jws = try? JSONDecoder().decode([String: String].self, from: body), let text = jws["payload"]
      else { return "" }
      let plain = text.replacing("-", with: "+").replacing("_", with: "/")
      let padded = plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)
      return Data(base64Encoded: padded).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
  }

  package struct Response: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: Data

    package init(_ status: Int, _ headers: [(name: String, value: String)] = [], _ body: String = "") {
      self.status = status
      self.headers = headers
      self.body = Data(body.utf8)
    }

    /// An ACME problem.
    package static func problem(
      _ status: Int, _ kind: String, _ headers: [(name: String, value: String)] = []
    ) -> Response {
      Response(
        status, headers + [("Content-Type", "application/problem+json")],
        "{\"type\": \"urn:ietf:params:acme:error:\(kind)\", \"detail\": \"made by the proxy: \(kind)\"}")
    }

    package mutating func set(_ name: String, _ value: String) {
      headers.removeAll { $0.name.lowercased() == name.lowercased() }
      headers.append((name, value))
    }
  }

  /// Answers a request; what it leaves to `forward` is Pebble's own answer.
  package typealias Rule = @Sendable (Request, _ forward: () throws -> Response) throws -> Response

  package init(in folder: String, before ca: PebbleCA, _ rule: @escaping Rule) async throws {
    let address = ca.network.proxy
    directory = "https://\(address):\(PebbleCA.port)/dir"
    server = try FaultServer(at: address, rule)
    try Files.makeFolder(folder + "/tmp")
    try Files.write(
      folder + "/nginx.conf",
      """
      daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 256; }
      http {
        access_log off;
        client_body_temp_path tmp/a; proxy_temp_path tmp/b; fastcgi_temp_path tmp/c; uwsgi_temp_path tmp/d;
        scgi_temp_path tmp/e;
        proxy_http_version 1.0;
        proxy_set_header Host $http_host;
        server {
          listen \(address):\(PebbleCA.port) ssl;
          ssl_certificate \(ca.caFile); ssl_certificate_key \(ca.keyFile);
          location / { proxy_pass http://\(address):14080; proxy_pass_header Date; }
        }
        server {
          listen \(address):14081;
          location / { proxy_pass https://\(ca.network.authority):\(PebbleCA.port); }
        }
      }
      """)
    front = try Running(
      try Program.find("nginx"), ["-p", folder, "-c", "nginx.conf", "-e", "error.log"],
      stdout: folder + "/nginx.log", stderr: folder + "/nginx.log")
    try await eventually("the proxy answers: \(Files.read(folder + "/nginx.log"))") {
      Loopback.answers(address, UInt16(PebbleCA.port))
    }
  }

  /// Every request so far whose path begins so.
  package func requests(_ prefix: String) -> [Request] { server.seen.filter { $0.path.hasPrefix(prefix) } }

  package func stop() async {
    server.stop()
    await front.stop()
  }

  /// A test that failed in between leaves nothing running either; `front` ends itself.
  deinit { server.stop() }
}
