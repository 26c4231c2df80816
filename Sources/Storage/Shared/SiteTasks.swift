#if PostgreSQL
  package import Fleet
  import FoundationEssentials

  /// Looks at hosts that the leader hands out, several hosts at a time, for whoever serves their site.
  extension Store {
    /// Hosts of one site that are looked at together.
    package struct LookTask: Hashable, Sendable {
      package let number: Int
      package let hosts: [Host.Name]
      /// `nil` is all.
      package let lineages: Set<Lineage.Name>?
    }

    /// What has come of looks, and how many tasks are left.
    package struct LooksDone<Result: Sendable>: Sendable {
      package var results: [Result] = []
      package var left = 0
    }

    /// Hands looks out, in the place of all that were handed out before.
    package func handOutLooks(_ hosts: [(hosts: [Host.Name], site: String?)], at lineages: Set<Lineage.Name>?)
      throws
    {
      guard let leader = sharing?.session.number else { return }
      let only = try lineages.map { try FleetJSON.canonical($0.sorted()) }
      try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(leader)])
        try database.run("DELETE FROM look_task")
        for task in hosts {
          try database.run(
            "INSERT INTO look_task (site, hosts, lineages) VALUES (?, ?, ?)",
            [.optional(task.site), .text(try FleetJSON.canonical(task.hosts)), .optional(only)])
        }
        try database.run("NOTIFY \(NotificationChannel.work)")
      }
    }

    /// Takes looks that nobody is at; those too that somebody was lost with.
    package func takeLooks(atMost limit: Int) throws -> [LookTask] {
      guard let session = sharing?.session else { return [] }
      return try transaction(.recording(chain)) {
        try database.rows(
          """
          UPDATE look_task AS u SET session = ? FROM (SELECT t.number FROM look_task AS t
            WHERE t.result IS NULL AND (t.site IS NULL OR t.site = ANY(string_to_array(?, ',')))
              AND (t.session IS NULL OR \(Self.isDead("t.session")))
            ORDER BY t.number LIMIT ? FOR UPDATE SKIP LOCKED) AS f
          WHERE u.number = f.number RETURNING u.number, u.hosts, u.lineages
          """,
          [
            .integer(session.number), .text(session.sites.sorted().joined(separator: ",")), .integer(limit),
          ]
        ) {
          LookTask(
            number: $0.integer(0), hosts: try $0.json(1), lineages: $0.isNull(2) ? nil : try $0.json(2))
        }
      }
    }

    /// Says what came of it, where nobody else has taken it since.
    package func endLook(_ task: LookTask, result: some Encodable) throws {
      guard let session = sharing?.session else { return }
      try database.run(
        "UPDATE look_task SET result = ? WHERE number = ? AND session = ?",
        [.text(try FleetJSON.canonical(result)), .integer(task.number), .integer(session.number)])
    }

    /// Takes what has come back, and takes back what nobody is there for any more.
    package func collectLooks<Result: Decodable & Sendable>(as type: Result.Type) throws -> LooksDone<Result>
    {
      guard let leader = sharing?.session.number else { return LooksDone() }
      return try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(leader)])
        try database.run(
          """
          DELETE FROM look_task AS t WHERE t.result IS NULL AND (t.session IS NULL OR \(Self.isDead("t.session")))
            AND t.site IS NOT NULL AND NOT EXISTS
              (SELECT 1 FROM session AS s WHERE \(Self.isAtWork) AND t.site = ANY(string_to_array(s.sites, ',')))
          """)
        let results: [Result] = try database.rows(
          "DELETE FROM look_task WHERE result IS NOT NULL RETURNING result", []
        ) { try $0.json(0) }
        let left = try database.rows("SELECT count(*) FROM look_task") { $0.integer(0) }.first ?? 0
        return LooksDone(results: results, left: left)
      }
    }

    /// What was handed out is not wanted any more.
    package func withdrawLooks(thatNobodyHas: Bool) throws {
      guard let leader = sharing?.session.number else { return }
      try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(leader)])
        try database.run("DELETE FROM look_task" + (thatNobodyHas ? " WHERE session IS NULL" : ""))
      }
    }
  }
#endif
