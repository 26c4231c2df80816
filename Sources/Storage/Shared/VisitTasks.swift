package import Fleet
import FoundationEssentials

/// What this controller has of what several share.
struct Sharing {
  let session: ControllerSession
  var leads = false
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
    }

    package enum Standing: Hashable, Sendable {
      case new
      /// Whoever had it before has begun it, and nobody knows how it ended.
      case begun(VisitToken, isRevert: Bool)
      /// Whoever had it before has ended it meanwhile.
      case ended(VisitEnd)

      package var isEnded: Bool { if case .ended = self { true } else { false } }
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
        try database.run("NOTIFY \(NotificationChannel.work)")
      }
    }

    /// Takes visits that nobody is at, as many as are this controller's share. One that somebody was lost with is taken over.
    package func take<Work: Decodable & Sendable>(
      as type: Work.Type, planned: (Work) -> PlannedVisit
    ) throws -> [TakenTask<Work>] {
      guard let session = sharing?.session else { return [] }
      let ours = "(t.site IS NULL OR t.site = ANY(string_to_array(?, ',')))"
      let living = "SELECT count(*) FROM session WHERE \(Self.isAtWork)"
      let sites = DatabaseValue.text(session.sites.sorted().joined(separator: ","))
      let taken = try transaction(.recording(chain)) {
        try database.rows(
          """
          UPDATE visit_task AS u SET session = ?, epoch = nextval('epoch')
          FROM (SELECT t.rollout, t.host, t.epoch FROM visit_task AS t
            WHERE \(ours) AND (t.session IS NULL OR \(Self.isDead("t.session")))
              AND t.leader = (SELECT session FROM lease_holder)
            ORDER BY t.number
            LIMIT (SELECT GREATEST(0, CAST(ceil(CAST(count(*) AS float8) / GREATEST(1, (\(living)))) AS bigint)
              - count(*) FILTER (WHERE t.session = ?)) FROM visit_task AS t WHERE \(ours))
            FOR UPDATE SKIP LOCKED) AS f
          WHERE u.rollout = f.rollout AND u.host = f.host RETURNING u.rollout, u.host, u.work, u.epoch, u.attempt,
            f.epoch IS NOT NULL
              OR (SELECT 1 FROM visit AS v WHERE v.rollout = u.rollout AND v.host = u.host LIMIT 1) IS NOT NULL
          """, [.integer(session.number), sites, .integer(session.number), sites]
        ) {
          (
            key: VisitKey(rollout: Rollout.ID($0.integer(0)), host: Host.Name($0.text(1))),
            work: try $0.json(2) as Work, epoch: $0.integer(3), attempt: $0.integer(4),
            mayBeBegun: $0.integer(5) == 1
          )
        }
      }
      guard !taken.isEmpty else { return [] }
      for task in taken { sharing?.tasks[task.key] = (task.epoch, planned(task.work)) }
      if sharing?.leads == false {
        for id in Set(taken.map(\.key.rollout)) {
          projections[id] = try ownProjection(of: id, projections[id])
        }
      }
      // What nobody has had nobody has begun, but for a visit that ended while a leader that is new handed it out again.
      let visits = try visits(taken.filter(\.mayBeBegun).map(\.key))
      return try taken.map { task in
        var standing = Standing.new
        if let visit = visits[task.key] {
          // Others may have gone on with it since the ledger was read.
          _ = try projection(of: task.key.rollout)
          projections[task.key.rollout]?.ledger.visits[task.key.host] = visit
          if visit.attempt >= task.attempt {
            let isOpen = visit.end == nil || visit.end == .unknown
            standing = isOpen ? .begun(visit.token, isRevert: visit.isRevert) : .ended(visit.end ?? .unknown)
          }
        }
        return TakenTask(work: task.work, epoch: task.epoch, standing: standing)
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

    /// It is done, or the leader does without it: nobody is to take it.
    ///
    /// - Returns: whether it is; not where somebody is at it.
    package func withdraw(_ key: VisitKey) throws -> Bool {
      try transaction(.recording(chain)) {
        let left = try database.rows(
          "DELETE FROM visit_task WHERE rollout = ? AND host = ? AND session IS NULL RETURNING 1",
          [.integer(key.rollout.number), .text(key.host.rawValue)]
        ) { _ in true }
        return !left.isEmpty
      }
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
          t.site IS NULL OR EXISTS (SELECT 1 FROM session AS s
            WHERE \(Self.isAtWork) AND t.site = ANY(string_to_array(s.sites, ',')))
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
