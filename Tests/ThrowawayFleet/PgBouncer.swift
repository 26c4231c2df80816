import Foundation

/// pgbouncer before a PostgreSQL, in transaction mode: each transaction of a client may go to another session of the server's.
package final class PgBouncer: Sendable {
  private let scratch: ScratchFolder
  private let running: Running
  private let folder: String

  package init(before server: PostgreSQLServer) async throws {
    scratch = try ScratchFolder()
    folder = scratch.path
    chmod(folder, 0o755)
    try Files.write(
      folder + "/pgbouncer.ini",
      """
      [databases]
      * = host=\(server.folder)/run port=\(server.port) user=postgres
      [pgbouncer]
      listen_addr =
      listen_port = 6432
      unix_socket_dir = \(folder)/run
      auth_type = any
      pool_mode = transaction
      default_pool_size = 4
      server_lifetime = 1
      """)
    try await Program.succeed(
      "/bin/sh", ["-c", "install -d -o postgres '\(folder)/run'; chmod 644 '\(folder)/pgbouncer.ini'"])
    running = try Running(
      "/bin/sh",
      [
        "-c", "cd /; exec \(PostgreSQLServer.asPostgres) \"$@\"", "sh", try Program.find("pgbouncer"),
        folder + "/pgbouncer.ini",
      ],
      stdout: folder + "/log", stderr: folder + "/log")
    let address = address(of: "postgres")
    try await eventually("pgbouncer starts") {
      try await Program.run(try Program.find("psql"), [address, "-c", "SELECT 1"]).status == 0
    }
  }

  package func address(of database: String) -> String {
    "postgresql://postgres@/\(database)?host=\(folder)/run&port=6432"
  }

  package func stop() async { await running.stop() }
}
