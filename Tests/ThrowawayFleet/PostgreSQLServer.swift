import Foundation
import Synchronization

/// A PostgreSQL of the test's own. At its socket clients are whom they say they are; over TCP, where it is asked for, TLS and a password
/// show that.
package final class PostgreSQLServer: Sendable {
  package let folder: String
  package let port: Int
  private let scratch: ScratchFolder
  /// Of its TCP; empty where it has none.
  private let overTLS: [String]
  private let running: Mutex<Running?>

  /// Where Debian puts the newest one's programs.
  package static var programs: String {
    get throws {
      let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
      guard let newest = versions.max(by: { (Int($0) ?? 0) < (Int($1) ?? 0) }) else {
        throw Program.Failed("postgresql is not installed; run: .ci/packages test")
      }
      return "/usr/lib/postgresql/\(newest)/bin"
    }
  }

  /// It refuses to be root's.
  package static let asPostgres = "setpriv --reuid=postgres --regid=postgres --init-groups --"

  /// What it is called over TLS, and what it asks for there.
  package static let (name, password) = ("database.example", "correct horse")

  /// - Parameters:
  ///   - settings: further ones of postgresql.conf.
  ///   - address: where it listens beside its socket.
  package init(
    _ settings: [String] = ["fsync=off"], port: Int = 5432, at address: String? = nil
  ) async throws {
    scratch = try ScratchFolder()
    chmod(scratch.path, 0o755)
    (folder, self.port) = (scratch.path, port)
    overTLS = address.map { [folder] in Self.tls(at: $0, certificate: folder) } ?? []
    running = Mutex(nil)
    let script = """
      install -d -o postgres -m 700 '\(folder)/db'; install -d -o postgres -m 755 '\(folder)/run'; cd '\(folder)'
      \(Self.asPostgres) \(try Self.programs)/initdb -D '\(folder)/db' -N -A trust -U postgres --locale=C.UTF-8
      """
    try await Program.succeed("/bin/sh", ["-ec", script])
    if address != nil { try await makeTLS() }
    try await start(settings)
    if address != nil { try await run("ALTER USER postgres PASSWORD '\(Self.password)'") }
  }

  private static func tls(at address: String, certificate folder: String) -> [String] {
    [
      "listen_addresses=\(address)", "ssl=on", "ssl_cert_file=\(folder)/cert.pem",
      "ssl_key_file=\(folder)/key.pem",
    ]
  }

  private func makeTLS() async throws {
    try await SelfSigned.make(Self.name, in: folder)
    let script = """
      chown postgres '\(folder)/key.pem'; chmod 600 '\(folder)/key.pem'; chmod 644 '\(folder)/cert.pem'
      # The first that fits counts, and initdb lets in whoever comes from 127.0.0.1.
      sed -i '/^host /d' '\(folder)/db/pg_hba.conf'
      echo 'hostssl all all 127.0.0.0/8 scram-sha-256' >> '\(folder)/db/pg_hba.conf'
      """
    try await Program.succeed("/bin/sh", ["-ec", script])
  }

  /// A copy that follows another one until it is promoted; what is committed there is here, too.
  ///
  /// - Parameter address: where it listens beside its socket, with the primary's certificate.
  package init(following primary: PostgreSQLServer, at address: String? = nil) async throws {
    scratch = try ScratchFolder()
    chmod(scratch.path, 0o755)
    (folder, port) = (scratch.path, primary.port)
    overTLS = address.map { [folder] in Self.tls(at: $0, certificate: folder) } ?? []
    running = Mutex(nil)
    let script = """
      install -d -o postgres -m 700 '\(folder)/db'; install -d -o postgres -m 755 '\(folder)/run'; cd '\(folder)'
      \(Self.asPostgres) \(try Self.programs)/pg_basebackup -D '\(folder)/db' -h '\(primary.folder)/run' -p \(port) -U postgres -R -c fast
      """
    try await Program.succeed("/bin/sh", ["-ec", script])
    if address != nil {
      try await Program.succeed("/bin/sh", ["-ec", "cp -p '\(primary.folder)'/*.pem '\(folder)'"])
    }
    try await start()
    try await primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    try await primary.run("SELECT pg_reload_conf()")
    try await eventually("it follows") {
      try await primary.run("SELECT sync_state FROM pg_stat_replication").contains("sync")
    }
  }

  /// It follows nobody any more.
  package func promote() async throws {
    // Nobody follows it in its turn, for whom it would wait.
    try await run("SELECT pg_promote()")
    try await run("ALTER SYSTEM RESET synchronous_standby_names")
    try await run("SELECT pg_reload_conf()")
  }

  /// Of a database that may be with either of them.
  package func address(of database: String, or other: PostgreSQLServer) -> String {
    "postgresql://postgres@/\(database)?host=\(folder)/run,\(other.folder)/run&port=\(port),\(other.port)"
  }

  package func start(_ settings: [String] = ["fsync=off"]) async throws {
    let listen = ["-c", "listen_addresses=", "-k", folder + "/run", "-p", "\(port)", "-D", folder + "/db"]
    let command = "cd /; exec \(Self.asPostgres) \"$@\""
    let arguments =
      [try Self.programs + "/postgres"] + listen + (overTLS + settings).flatMap { ["-c", $0] }
    let started = try Running(
      "/bin/sh", ["-c", command, "sh"] + arguments, stdout: folder + "/log", stderr: folder + "/log")
    running.withLock { $0 = started }
    let address = address(of: "postgres")
    try await eventually("PostgreSQL starts") {
      try await Program.run(try Program.find("psql"), [address, "-c", "SELECT 1"]).status == 0
    }
  }

  /// Its process; `nil` where it does not run.
  package var process: Int32? { running.withLock { $0?.id } }

  /// Keeps all that it has now, for `goBack`.
  package func keepMoment() async throws {
    await stop()
    try await Program.succeed(
      "/bin/sh", ["-ec", "rm -rf '\(folder)/was'; cp -a '\(folder)/db' '\(folder)/was'"])
    try await start()
  }

  /// To the moment that was kept, as after a restore to a point in time.
  package func goBack() async throws {
    await stop()
    try await Program.succeed("/bin/sh", ["-ec", "rm -rf '\(folder)/db'; mv '\(folder)/was' '\(folder)/db'"])
    try await start()
  }

  /// Before its folder goes.
  deinit {
    guard let server = running.withLock({ $0.take() }) else { return }
    server.signal(SIGQUIT)
    for _ in 0..<200 where server.isAlive { usleep(10_000) }
  }

  /// Ends it: `SIGINT` is a fast shutdown, `SIGQUIT` an immediate one.
  package func stop(_ signal: Int32 = SIGINT) async {
    guard let server = running.withLock({ $0.take() }) else { return }
    server.signal(signal)
    _ = await server.ended()
  }

  package func address(of database: String) -> String {
    "postgresql://postgres@/\(database)?host=\(folder)/run&port=\(port)"
  }

  /// Its address over TLS.
  ///
  /// - Parameter address: where its name leads.
  package func address(of database: String, over address: String) -> String {
    "postgresql://postgres@\(Self.name):\(port)/\(database)?hostaddr=\(address)&sslrootcert=\(folder)/cert.pem"
  }

  /// - Returns: the address of a new database.
  package func makeDatabase() async throws -> String {
    let name = "t\(UInt32.random(in: 0...UInt32.max))"
    try await run("CREATE DATABASE \(name)")
    return address(of: name)
  }

  /// - Parameter database: its address; `nil` is the server's own.
  @discardableResult
  package func run(_ sql: String, in database: String? = nil) async throws -> String {
    try await Program.succeed(
      try Program.find("psql"),
      [database ?? address(of: "postgres"), "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", sql])
  }
}
