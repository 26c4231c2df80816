#if PostgreSQL
  import Fleet
  import FoundationEssentials

  /// What the leader has done beside visits, by whoever serves the site of the hosts that it is about. What a controller was lost with another
  /// one does again.
  extension Store {
    package enum SiteTaskKind: String, Sendable {
      /// Looks at hosts, several at a time.
      case look
      /// Questions to one host.
      case host

      var channel: NotificationChannel {
        switch self {
        case .look: .looks
        case .host: .questions
        }
      }
    }

    package struct SiteTask<Work: Sendable>: Sendable {
      package let number: Int
      package let work: Work
    }

    /// What has come of tasks.
    package struct SiteTasksDone<Result: Sendable>: Sendable {
      package var results: [Int: Result] = [:]
      /// Those that are not done yet. What nobody is there for is in neither.
      package var left: Set<Int> = []
    }

    /// - Returns: their numbers, in the same order.
    @discardableResult
    package func handOut(_ kind: SiteTaskKind, _ tasks: [(site: String?, work: some Encodable)]) throws
      -> [Int]
    {
      try leading {
        let numbers = try tasks.map { task in
          try database.insert(
            "INSERT INTO site_task (kind, site, work) VALUES (?, ?, ?) RETURNING number",
            [.text(kind.rawValue), .optional(task.site), .text(try FleetJSON.canonical(task.work))])
        }
        try notify(kind.channel)
        return numbers
      } ?? []
    }

    /// Takes tasks that nobody is at; those too that somebody was lost with.
    package func takeSiteTasks<Work: Decodable>(
      _ kind: SiteTaskKind, as type: Work.Type, atMost limit: Int
    ) throws -> [SiteTask<Work>] {
      guard let session = sharing?.session else { return [] }
      return try transaction(.recording(chain)) {
        try database.rows(
          """
          UPDATE site_task AS u SET session = ? FROM (SELECT t.number FROM site_task AS t
            WHERE t.kind = ? AND t.result IS NULL AND (t.site IS NULL OR t.site = ANY(string_to_array(?, ',')))
              AND (t.session IS NULL OR \(Self.isDead("t.session")))
            ORDER BY t.number LIMIT ? FOR UPDATE SKIP LOCKED) AS f
          WHERE u.number = f.number RETURNING u.number, u.work
          """,
          [
            .integer(session.number), .text(kind.rawValue),
            .text(session.sites.sorted().joined(separator: ",")), .integer(limit),
          ]
        ) { SiteTask(number: $0.integer(0), work: try $0.json(1)) }
      }
    }

    /// Says what came of it, where nobody else has taken it since.
    package func endSiteTask(_ number: Int, result: some Encodable) throws {
      guard let session = sharing?.session else { return }
      try database.run(
        "UPDATE site_task SET result = ? WHERE number = ? AND session = ?",
        [.text(try FleetJSON.canonical(result)), .integer(number), .integer(session.number)])
    }

    /// Takes what has come back, and takes back what nobody is there for any more.
    ///
    /// - Parameter numbers: of the tasks that are asked for; `nil` is all.
    package func collectSiteTasks<Result: Decodable & Sendable>(
      _ kind: SiteTaskKind, _ numbers: Set<Int>? = nil, as type: Result.Type
    ) throws -> SiteTasksDone<Result> {
      let asked = numbers.map { numbers in
        " AND number IN (\(numbers.map(String.init).joined(separator: ",")))"
      }
      return try leading {
        let kind = DatabaseValue.text(kind.rawValue)
        try database.run(
          """
          DELETE FROM site_task AS t WHERE t.kind = ? AND t.result IS NULL
            AND (t.session IS NULL OR \(Self.isDead("t.session"))) AND t.site IS NOT NULL AND NOT EXISTS
              (SELECT 1 FROM session AS s WHERE \(Self.isAtWork) AND t.site = ANY(string_to_array(s.sites, ',')))
          """, [kind])
        let results = try database.rows(
          "DELETE FROM site_task WHERE kind = ? AND result IS NOT NULL\(asked ?? "") RETURNING number, result",
          [kind]
        ) { ($0.integer(0), try $0.json(1) as Result) }
        let left = try database.rows("SELECT number FROM site_task WHERE kind = ?", [kind]) { $0.integer(0) }
        return SiteTasksDone(
          results: Dictionary(results, uniquingKeysWith: { $1 }), left: Set(left))
      } ?? SiteTasksDone()
    }

    /// What was handed out is not wanted any more.
    package func withdrawSiteTasks(_ kind: SiteTaskKind, thatNobodyHas: Bool = false) throws {
      try leading {
        try database.run(
          "DELETE FROM site_task WHERE kind = ?" + (thatNobodyHas ? " AND session IS NULL" : ""),
          [.text(kind.rawValue)])
      }
    }

    /// - Throws: `LeaseLost`, where another one leads.
    private func leading<Value>(_ body: () throws -> Value) throws -> Value? {
      guard let leader = sharing?.session.number else { return nil }
      return try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(leader)])
        return try body()
      }
    }
  }
#endif
