#if PostgreSQL
  import FoundationEssentials
  package import Storage

  extension Controller {
    /// Copies the state at `path` to a server's database, which several controllers may share; the folder keeps its sealing key.
    ///
    /// - Parameter address: `postgresql://…`, of an empty database.
    package static func move(_ path: String, to address: String) async throws -> StateTransfer.Result {
      guard StateDirectory.exists(at: path) else { throw ControllerError.noState(path) }
      let home = try StateDirectory(path: path)
      let lease = try ControllerLease(home: home, now: Date())
      defer { withExtendedLifetime(lease) {} }
      return try StateTransfer(from: home, to: try PostgreSQLAddress(address)).run(now: Date())
    }
  }
#endif
