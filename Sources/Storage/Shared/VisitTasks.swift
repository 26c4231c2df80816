package import Fleet
import FoundationEssentials

/// What this controller has of what several share.
struct Sharing {
  let session: ControllerSession
  var leads = false
  #if PostgreSQL
    var heartbeat: Heartbeat?
    /// Whether what it knows of the others is older than the database's answers: what is another's is not taken then.
    var isSteady: Bool { heartbeat?.isSteady ?? true }
  #endif
  /// The visits that it has taken, with the epoch of each.
  var tasks: [VisitKey: (epoch: Int, planned: PlannedVisit)] = [:]
}

package struct VisitKey: Hashable, Sendable {
  package let rollout: Rollout.ID
  package let host: Host.Name

  package init(rollout: Rollout.ID, host: Host.Name) { (self.rollout, self.host) = (rollout, host) }
}

#if PostgreSQL
  /// Visits that the leader hands out, for whoever serves the host's site.
  extension Store {
    /// A visit that was taken.
    package struct TakenTask<Work: Sendable>: Sendable {
      package let work: Work
      /// Hosts refuse an older one.
      package let epoch: Int
      package let standing: Standing
      /// Of what is declared and pinned.
      package let revision: Int
    }

    package enum Standing: Hashable, Sendable {
      case new
      /// Whoever had it before has begun it, and nobody knows how it ended.
      case begun(VisitToken, isRevert: Bool)
      /// Whoever had it before has ended it meanwhile.
      case ended(VisitEnd)

      package var isEnded: Bool { if case .ended = self { true } else { false } }

      init(of visit: RolloutLedger.Visit?, inAttempt attempt: Int) {
        guard let visit, visit.attempt >= attempt else {
          self = .new
          return
        }
        switch visit.end {
        case nil, .unknown: self = .begun(visit.token, isRevert: visit.isRevert)
        case let end?: self = .ended(end)
        }
      }
    }

    /// Hands visits out. One that somebody is at still stays as it is.
    package func handOut<Work: Encodable & Sendable>(
      _ tasks: [(key: VisitKey, attempt: Int, site: String?, work: Work)]
    )
      throws
    {
      guard let leader = sharing?.session.number else { return }
      try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(leader)])
        for task in tasks {
          try database.run(
            """
            INSERT INTO visit_task (rollout, host, attempt, site, work, leader) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (rollout, host) DO UPDATE SET leader = excluded.leader
            """,
            [
              .integer(task.key.rollout.number), .text(task.key.host.rawValue), .integer(task.attempt),
              .optional(task.site),
              .text(try FleetJSON.canonical(task.work)), .integer(leader),
            ])
        }
        try notify(.visits)
      }
    }

    /// Takes visits that nobody is at, as many as are this controller's share. One that somebody was lost with is taken over.
    package func take<Work: Decodable & Sendable>(
      as type: Work.Type, planned: (Work) -> PlannedVisit
    ) throws -> [TakenTask<Work>] {
      guard let sharing else { return [] }
      try requireSession()
      let claimed: [ClaimedTask<Work>] = try claim(sharing)
      guard !claimed.isEmpty else { return [] }
      for task in claimed { self.sharing?.tasks[task.key] = (task.epoch, planned(task.work)) }
      do { return try withStandings(claimed, leads: sharing.leads) } catch {
        // Nobody would carry them out, and this controller lives.
        for task in claimed { try? giveBack(task.key, epoch: task.epoch) }
        throw error
      }
    }

    private struct ClaimedTask<Work> {
      let key: VisitKey
      let work: Work
      let epoch: Int
      let attempt: Int
      let mayBeBegun: Bool
      let revision: Int
    }

    private func claim<Work: Decodable>(_ sharing: Sharing) throws -> [ClaimedTask<Work>] {
      let session = sharing.session
      let ours = "(t.site IS NULL OR t.site = ANY(string_to_array(?, ',')))"
      let sites = DatabaseValue.text(session.sites.sorted().joined(separator: ","))
      // Those of a site are shared by who serves it.
      let share = """
        SELECT GREATEST(0, CAST(ceil(sum(CAST(g.open AS float8) / GREATEST(1, (SELECT count(*) FROM session AS s
            WHERE \(Self.isAtWork) AND (g.site IS NULL OR g.site = ANY(string_to_array(s.sites, ','))))))) AS bigint)
            - CAST(sum(g.own) AS bigint))
          FROM (SELECT t.site, count(*) AS open, count(*) FILTER (WHERE t.session = ?) AS own FROM visit_task AS t
            WHERE \(ours) GROUP BY t.site) AS g
        """
      return try transaction(.recording(chain)) {
        try database.rows(
          """
          UPDATE visit_task AS u SET session = ?, epoch = nextval('epoch')
          FROM (SELECT t.rollout, t.host, t.epoch FROM visit_task AS t
            WHERE \(ours) AND \(Self.isFree("t.session", for: sharing))
              AND t.leader = (SELECT session FROM lease_holder)
            ORDER BY t.number LIMIT (\(share))
            FOR UPDATE SKIP LOCKED) AS f
          WHERE u.rollout = f.rollout AND u.host = f.host RETURNING u.rollout, u.host, u.work, u.epoch, u.attempt,
            f.epoch IS NOT NULL
              OR (SELECT 1 FROM visit AS v WHERE v.rollout = u.rollout AND v.host = u.host LIMIT 1) IS NOT NULL,
            (SELECT r.number FROM revision AS r)
          """, [.integer(session.number), sites, .integer(session.number), sites]
        ) {
          ClaimedTask(
            key: VisitKey(rollout: Rollout.ID($0.integer(0)), host: Host.Name($0.text(1))),
            work: try $0.json(2), epoch: $0.integer(3), attempt: $0.integer(4),
            mayBeBegun: $0.integer(5) == 1,
            revision: $0.integer(6))
        }
      }
    }

    private func withStandings<Work>(_ claimed: [ClaimedTask<Work>], leads: Bool) throws -> [TakenTask<Work>]
    {
      if !leads {
        for id in Set(claimed.map(\.key.rollout)) {
          projections[id] = try ownProjection(of: id, projections[id])
        }
      }
      // What nobody has had nobody has begun, but for a visit that ended while a leader that is new handed it out again.
      let visits = try visits(claimed.filter(\.mayBeBegun).map(\.key))
      return try claimed.map { task in
        if let visit = visits[task.key] {
          // Others may have gone on with it since the ledger was read.
          _ = try projection(of: task.key.rollout)
          projections[task.key.rollout]?.ledger.visits[task.key.host] = visit
        }
        return TakenTask(
          work: task.work, epoch: task.epoch,
          standing: Standing(of: visits[task.key], inAttempt: task.attempt), revision: task.revision)
      }
    }

    /// Tasks come and go within seconds, and whoever looks for one passes over what is left of those that are gone. The server's
    /// autovacuum comes once a minute (PostgreSQL's manual, routine vacuuming).
    package func vacuumTasks() throws { try database.run("VACUUM (SKIP_LOCKED, TRUNCATE false) visit_task") }

    /// After its end was recorded, or another controller has it.
    package func forgetTask(_ key: VisitKey, epoch: Int) {
      if sharing?.tasks[key]?.epoch == epoch { sharing?.tasks[key] = nil }
    }

    /// There is nothing to do for it any more.
    package func drop(_ key: VisitKey, epoch: Int) throws {
      forgetTask(key, epoch: epoch)
      try database.run(
        "DELETE FROM visit_task WHERE rollout = ? AND host = ? AND epoch = ?",
        [.integer(key.rollout.number), .text(key.host.rawValue), .integer(epoch)])
    }

    /// Somebody else may take it: this controller could not go on with it.
    package func giveBack(_ key: VisitKey, epoch: Int) throws {
      forgetTask(key, epoch: epoch)
      try database.run(
        "UPDATE visit_task SET session = NULL WHERE rollout = ? AND host = ? AND epoch = ?",
        [.integer(key.rollout.number), .text(key.host.rawValue), .integer(epoch)])
    }

    /// The leader does without it: nobody is to take it.
    ///
    /// - Returns: how far whoever was lost with it has come; `nil` where somebody is at it.
    package func withdraw(_ key: VisitKey) throws -> Standing? {
      guard let sharing else { return nil }
      let attempt = try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(sharing.session.number)])
        return try database.rows(
          "DELETE FROM visit_task WHERE rollout = ? AND host = ? AND \(Self.isFree("session", for: sharing)) RETURNING attempt",
          [.integer(key.rollout.number), .text(key.host.rawValue)]
        ) { $0.integer(0) }.first
      }
      guard let attempt else { return nil }
      let visit = try visits([key])[key]
      _ = try projection(of: key.rollout)
      projections[key.rollout]?.ledger.visits[key.host] = visit
      return Standing(of: visit, inAttempt: attempt)
    }

    /// What is handed out and not done: who is at it, and whether anybody is there who could be.
    package struct OpenTask: Sendable {
      package let key: VisitKey
      package let isTaken: Bool
      package let canBeTaken: Bool
    }

    package func openTasks() throws -> [OpenTask] {
      try database.rows(
        """
        SELECT t.rollout, t.host, t.session IS NOT NULL AND NOT (\(Self.isDead("t.session"))),
          EXISTS (SELECT 1 FROM session AS s
            WHERE \(Self.isAtWork) AND (t.site IS NULL OR t.site = ANY(string_to_array(s.sites, ','))))
        FROM visit_task AS t
        """
      ) {
        OpenTask(
          key: VisitKey(rollout: Rollout.ID($0.integer(0)), host: Host.Name($0.text(1))),
          isTaken: $0.integer(2) == 1, canBeTaken: $0.integer(3) == 1)
      }
    }

    /// Takes into the ledger what other controllers have recorded of these visits.
    ///
    /// - Returns: how each has ended, and what was recorded of it.
    package func learn(_ keys: [VisitKey]) throws -> [VisitKey: (end: VisitEnd?, events: [Event])] {
      var learned: [VisitKey: (end: VisitEnd?, events: [Event])] = [:]
      // What was taken here is in the ledger, and its end is told by who carries it out.
      let others = keys.filter { sharing?.tasks[$0] == nil }
      let visits = try visits(others)
      for (id, keys) in Dictionary(grouping: others, by: \.rollout) {
        _ = try projection(of: id)
        let events = Dictionary(grouping: try othersEvents(of: keys, in: id), by: \.subject.host)
        for key in keys {
          let visit = visits[key]
          projections[id]?.ledger.visits[key.host] = visit
          learned[key] = (
            visit?.end, events[key.host]?.filter { $0.subject.attempt == visit?.attempt } ?? []
          )
        }
      }
      return learned
    }

    /// What other controllers have recorded, oldest first.
    private func othersEvents(of keys: [VisitKey], in rollout: Rollout.ID) throws -> [Event] {
      // Host by host: whatever the server believes of its tables, it does not read all events of a rollout for it.
      try database.rows(
        """
        SELECT e.* FROM unnest(string_to_array(?, chr(10))) AS k (host) CROSS JOIN LATERAL
          (SELECT id, at, rollout, wave, event.host, attempt, lineage, kind, form FROM event
          WHERE event.host = k.host AND rollout + 0 = ? AND chain <> ? ORDER BY id LIMIT 1000) AS e ORDER BY e.id
        """, [Self.hosts(keys), .integer(rollout.number), .text(chain)]
      ) { try LoggedEvent(row: $0).event }
    }

    private static func hosts(_ keys: [VisitKey]) -> DatabaseValue {
      .text(keys.map(\.host.rawValue).joined(separator: "\n"))
    }

    private func visits(_ keys: [VisitKey]) throws -> [VisitKey: RolloutLedger.Visit] {
      var all: [VisitKey: RolloutLedger.Visit] = [:]
      for (id, keys) in Dictionary(grouping: keys, by: \.rollout) {
        let one = "unnest(string_to_array(?, chr(10))) AS k (name) CROSS JOIN LATERAL"
        let visits = try visits(
          of: id, from: "\(one) (SELECT * FROM visit WHERE rollout = ? AND visit.host = k.name LIMIT 1)",
          [Self.hosts(keys)])
        for (host, visit) in visits { all[VisitKey(rollout: id, host: host)] = visit }
      }
      return all
    }

    /// Of a rollout that another controller leads, what is this one's.
    ///
    /// - Parameter former: what was known of this one's visits; `nil` has them read anew.
    func ownProjection(of id: Rollout.ID, _ former: RolloutProjection?) throws -> RolloutProjection? {
      let own = sharing?.tasks.filter { $0.key.rollout == id } ?? [:]
      guard !own.isEmpty else { return nil }
      var (ledger, policy) = try ledgerWithoutVisits(of: id)
      if let former {
        for key in own.keys { ledger.visits[key.host] = former.ledger.visits[key.host] }
      } else {
        for (key, visit) in try visits(Array(own.keys)) { ledger.visits[key.host] = visit }
      }
      return RolloutProjection(policy, own.values.map(\.planned), ledger)
    }
  }
#endif
