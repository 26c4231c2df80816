package import Fleet
package import FoundationEssentials

extension Store {
  /// Counts up the epoch: hosts refuse a controller that comes with an older one than they have seen.
  package func beginEpoch(now: Date) throws -> Int {
    try transaction {
      try database.insert(
        "INSERT INTO lease (epoch, holder, since) VALUES (\(database.nextEpoch), ?, ?) RETURNING epoch",
        [.text(ControllerLease.holder), .moment(now)])
    }
  }

  /// Stores a plan as the next rollout. Nothing of it is begun.
  package func plan(_ plan: Plan, now: Date) throws -> Rollout.ID {
    let stored = try StoredPlan(plan)
    return try transaction {
      let number = try database.insert(
        """
        INSERT INTO rollout (plan, plan_hash, state, started_at, policy, hosts, lineages, form)
        VALUES (?, ?, 'planned', ?, ?, ?, ?, ?) RETURNING id
        """,
        [
          .text(stored.header), .text(stored.hash), .moment(now), .text(plan.policy.name.rawValue),
          .integer(plan.hostCount), .text(try FleetJSON.canonical(plan.lineages)),
          .integer(FleetJSON.form),
        ])
      let id = Rollout.ID(number)
      try keep(stored, of: id)
      for number in 1...max(plan.waves.count, 1) {
        try database.run(
          "INSERT INTO wave (rollout, number, state) VALUES (?, ?, 'pending')",
          [.integer(id.number), .integer(number)])
      }
      projections[id] = RolloutProjection(plan, RolloutLedger(waves: plan.waves.count))
      return id
    }
  }

  /// - Throws: `Missing`.
  package func rollout(_ id: Rollout.ID) throws -> Rollout {
    let found = try database.rows(
      "SELECT plan, plan_hash, state, reason, started_at, ended_at, form FROM rollout WHERE id = ?",
      [.integer(id.number)]
    ) {
      Rollout(
        id: id, plan: try $0.json(0, form: 6), planHash: $0.text(1),
        state: RolloutState(rawValue: $0.text(2)) ?? .running,
        reason: $0.text(3), startedAt: $0.moment(4), endedAt: $0.optionalMoment(5))
    }
    guard var rollout = found.first else { throw Missing(what: "rollout \(id)") }
    try putVisits(into: &rollout.plan, of: id)
    return rollout
  }

  /// Newest first.
  ///
  /// - Parameter limit: how many at the most.
  package func rollouts(limit: Int = .max) throws -> [RolloutSummary] {
    try database.rows(
      """
      SELECT id, state, reason, policy, hosts, lineages, started_at, ended_at,
        (SELECT count(*) FROM wave WHERE rollout = r.id)
      FROM rollout AS r ORDER BY id DESC LIMIT ?
      """, [.integer(limit)]
    ) {
      RolloutSummary(
        id: Rollout.ID($0.integer(0)), state: RolloutState(rawValue: $0.text(1)) ?? .running,
        reason: $0.text(2),
        policy: RolloutPolicy.Name($0.text(3)), hosts: $0.integer(4), waves: $0.integer(8),
        certificates: try $0.json(5), startedAt: $0.moment(6), endedAt: $0.optionalMoment(7))
    }
  }

  /// Rollouts that have not come to an end, oldest first.
  package func openRollouts() throws -> [Rollout] {
    let ends = RolloutState.allCases.filter(\.isEnd).map { "'\($0.rawValue)'" }.joined(separator: ", ")
    return try database.rows("SELECT id FROM rollout WHERE state NOT IN (\(ends)) ORDER BY id") {
      Rollout.ID($0.integer(0))
    }.map(rollout)
  }

  package func state(of id: Rollout.ID) throws -> RolloutState { try ledgerWithoutVisits(of: id).0.state }

  /// Where a rollout stands.
  package func ledger(of id: Rollout.ID) throws -> RolloutLedger {
    var (ledger, _) = try ledgerWithoutVisits(of: id)
    ledger.visits = try visits(of: id, from: "(SELECT * FROM visit WHERE rollout = ?)", [])
    return ledger
  }

  func ledgerWithoutVisits(of id: Rollout.ID) throws -> (RolloutLedger, RolloutPolicy.Name) {
    var (ledger, policy) = (RolloutLedger(waves: 0), RolloutPolicy.Name?.none)
    try database.run(
      """
      SELECT r.state, r.reason, r.policy, w.state, w.reason, w.since
      FROM rollout AS r LEFT JOIN wave AS w ON w.rollout = r.id WHERE r.id = ? ORDER BY w.number
      """, [.integer(id.number)]
    ) {
      (ledger.state, ledger.reason) = (RolloutState(rawValue: $0.text(0)) ?? .running, $0.text(1))
      policy = RolloutPolicy.Name($0.text(2))
      guard let state = $0.optionalText(3) else { return }
      ledger.waves.append(
        RolloutLedger.Wave(
          state: WaveState(rawValue: state) ?? .pending, reason: $0.text(4), since: $0.optionalMoment(5)))
    }
    guard let policy else { throw Missing(what: "rollout \(id)") }
    return (ledger, policy)
  }

  /// - Parameters:
  ///   - rows: of visits; the rollout is its last value.
  ///   - values: those before it.
  func visits(
    of id: Rollout.ID, from rows: String, _ values: [DatabaseValue]
  ) throws -> [Host.Name: RolloutLedger.Visit] {
    let visits = try database.rows(
      #"SELECT v.host, v.wave, v.attempt, v.token, v.is_revert, v."end", v.reason FROM \#(rows) AS v"#,
      values + [.integer(id.number)]
    ) {
      (
        Host.Name($0.text(0)),
        RolloutLedger.Visit(
          wave: $0.integer(1), attempt: $0.integer(2), token: VisitToken($0.text(3)),
          isRevert: $0.integer(4) == 1, end: $0.optionalText(5).flatMap(VisitEnd.init(rawValue:)),
          reason: $0.text(6))
      )
    }
    return Dictionary(uniqueKeysWithValues: visits)
  }

  /// Ended rollouts with visits whose end nobody knows yet, where no later one has told more; oldest first.
  package func rolloutsWithUnknownVisits() throws -> [Rollout.ID] {
    try database.rows(
      """
      SELECT DISTINCT rollout FROM visit AS v
      WHERE "end" = 'unknown' AND NOT EXISTS (SELECT 1 FROM visit WHERE host = v.host AND rollout > v.rollout)
      ORDER BY rollout
      """
    ) { Rollout.ID($0.integer(0)) }
  }
}
