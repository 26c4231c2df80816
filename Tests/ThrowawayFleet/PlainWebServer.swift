import Foundation

/// A real nginx that serves a folder over plain http.
package final class PlainWebServer: Sendable {
  private let program: Running

  package init(root: String, in folder: String, at address: String, port: Int) async throws {
    try Files.makeFolder(root)
    try Files.makeFolder(folder + "/tmp")
    try Files.write(
      folder + "/nginx.conf",
      """
      daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 64; }
      http {
        access_log off;
        client_body_temp_path tmp/a; proxy_temp_path tmp/b; fastcgi_temp_path tmp/c; uwsgi_temp_path tmp/d;
        scgi_temp_path tmp/e;
        server { listen \(address):\(port); root \(root); }
      }
      """)
    program = try Running(
      try Program.find("nginx"), ["-p", folder, "-c", "nginx.conf", "-e", "error.log"],
      stdout: folder + "/nginx.log", stderr: folder + "/nginx.log")
    try await eventually("nginx answers at \(address):\(port)") { Loopback.answers(address, UInt16(port)) }
  }

  package func stop() async { await program.stop() }
}
