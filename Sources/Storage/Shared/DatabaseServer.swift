#if PostgreSQL
  package import FoundationEssentials

  /// What a server that several controllers share is set to (PostgreSQL's manual, server configuration), and its clock.
  package struct DatabaseServer: Sendable {
    /// `fsync`: whether it waits for its disk.
    package let keepsWrites: Bool
    /// `synchronous_commit`: whether a commit is told when it is on the disk.
    package let keepsCommits: Bool
    package let now: Date
  }

  extension Store {
    /// `nil` where the state is in a file.
    package func databaseServer() throws -> DatabaseServer? {
      guard database is PostgreSQLConnection else { return nil }
      return try database.rows(
        """
        SELECT current_setting('fsync') = 'on', current_setting('synchronous_commit') <> 'off',
          EXTRACT(EPOCH FROM clock_timestamp())::float8
        """
      ) {
        DatabaseServer(
          keepsWrites: $0.integer(0) == 1, keepsCommits: $0.integer(1) == 1, now: $0.moment(2))
      }.first
    }
  }
#endif
