public import Fleet
public import struct Fleet.Host
public import Foundation
import PKI

extension Store {
  /// Counts up the epoch: hosts refuse a controller that comes with an older one than they have seen.
  public func beginEpoch(now: Date) throws -> Int {
    try database.run(
      "INSERT INTO lease (holder, since) VALUES (?, ?)", [.text(Lease.holder), .moment(now)])
    return database.lastRowID
  }

  /// Stores a plan as the next rollout, running.
  public func start(_ plan: Plan, now: Date) throws -> Rollout.ID {
    let text = try canonicalJSON(plan)
    return try database.transaction {
      try database.run(
        "INSERT INTO rollout (plan, plan_hash, state, started_at) VALUES (?, ?, 'running', ?)",
        [.text(text), .text(SHA256.hexadecimal(text.utf8)), .moment(now)])
      let id = Rollout.ID(database.lastRowID)
      for number in 1...max(plan.waves.count, 1) {
        try database.run(
          "INSERT INTO wave (rollout, number, state) VALUES (?, ?, 'pending')",
          [.integer(id.number), .integer(number)])
      }
      try append(Event(at: now, subject: .init(rollout: id), kind: .rolloutStarted))
      return id
    }
  }

  public func rollout(_ id: Rollout.ID) throws -> Rollout {
    guard let found = try rollouts("WHERE id = ?", [.integer(id.number)]).first else {
      throw Missing(what: "rollout \(id)")
    }
    return found
  }

  /// Newest first.
  public func rollouts() throws -> [Rollout] { try rollouts("ORDER BY id DESC", []) }

  /// Rollouts that a controller left without an end, oldest first.
  public func interruptedRollouts() throws -> [Rollout] {
    try rollouts("WHERE state = 'running' ORDER BY id", [])
  }

  private func rollouts(_ condition: String, _ values: [SQLiteValue]) throws -> [Rollout] {
    try database.rows(
      "SELECT id, plan, state, reason, started_at, ended_at FROM rollout \(condition)", values
    ) {
      Rollout(
        id: Rollout.ID($0.integer(0)), plan: try $0.json(1),
        state: RolloutState(rawValue: $0.text(2)) ?? .running,
        reason: $0.text(3), startedAt: $0.moment(4), endedAt: $0.optionalMoment(5))
    }
  }

  /// A visit as it stands.
  public struct StoredVisit: Hashable, Sendable {
    public let host: Host.Name
    public let wave: Int
    public let attempt: Int
    public let token: VisitToken
    /// `nil` while it is open.
    public let end: VisitEnd?
    public let reason: String

    /// From the columns host, wave, attempt, token, end, reason.
    init(row: SQLiteRow) {
      host = Host.Name(row.text(0))
      wave = row.integer(1)
      attempt = row.integer(2)
      token = VisitToken(row.text(3))
      end = row.optionalText(4).flatMap(VisitEnd.init(rawValue:))
      reason = row.text(5)
    }
  }

  public func visits(of id: Rollout.ID) throws -> [StoredVisit] {
    try database.rows(
      "SELECT host, wave, attempt, token, end, reason FROM visit WHERE rollout = ? ORDER BY wave, host",
      [.integer(id.number)]
    ) { StoredVisit(row: $0) }
  }

  /// Visits whose end nobody knows yet, where no later one has told more, by rollout.
  public func unknownVisits() throws -> [Rollout.ID: [StoredVisit]] {
    let rows = try database.rows(
      """
      SELECT host, wave, attempt, token, end, reason, rollout FROM visit AS v
      WHERE end = 'unknown' AND NOT EXISTS (SELECT 1 FROM visit WHERE host = v.host AND rollout > v.rollout)
      """
    ) { (Rollout.ID($0.integer(6)), StoredVisit(row: $0)) }
    return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
  }

  /// Hosts that were not reached at their last visit.
  public func unreachableHosts() throws -> Set<Host.Name> {
    Set(
      try database.rows(
        """
        SELECT host FROM visit AS v WHERE end IN ('unreachable', 'deferred')
        AND NOT EXISTS (SELECT 1 FROM visit WHERE host = v.host AND rollout > v.rollout)
        """
      ) { Host.Name($0.text(0)) })
  }

  public func waveStates(of id: Rollout.ID) throws -> [WaveState] {
    try database.rows("SELECT state FROM wave WHERE rollout = ? ORDER BY number", [.integer(id.number)]) {
      WaveState(rawValue: $0.text(0)) ?? .pending
    }
  }
}
