import Fleet
import struct Fleet.Host
import Foundation

/// What an event changes in the tables that answer questions about now. The log is the truth; these rows follow
/// from it, in the same transaction.
extension Store {
  func fold(_ event: Event) throws {
    let subject = event.subject
    let at = SQLiteValue.moment(event.at)
    switch event.kind {
    case .rolloutStarted, .note: break
    case .rolloutEnded(let state, let reason):
      try database.run(
        "UPDATE rollout SET state = ?, reason = ?, ended_at = ? WHERE id = ?",
        [.text(state.rawValue), .text(reason), at, rollout(subject)])
    case .waveStarted: try setWave(subject, .running, reason: "")
    case .waveEnded(let state, let reason): try setWave(subject, state, reason: reason)
    case .visitStarted(let token):
      try database.run(
        """
        INSERT INTO visit (rollout, host, wave, attempt, token, started_at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (rollout, host) DO UPDATE SET attempt = excluded.attempt, token = excluded.token,
          end = NULL, reason = '', started_at = excluded.started_at, ended_at = NULL
        """,
        [
          rollout(subject), host(subject), .optional(subject.wave), .optional(subject.attempt),
          .text(token.rawValue), at,
        ])
    case .step(let result): try fold(result, subject, at)
    case .visitEnded(let end, let reason):
      try database.run(
        "UPDATE visit SET end = ?, reason = ?, ended_at = ? WHERE rollout = ? AND host = ?",
        [.text(end.rawValue), .text(reason), at, rollout(subject), host(subject)])
      try settle(end, subject, at)
    }
  }

  private func setWave(_ subject: Event.Subject, _ state: WaveState, reason: String) throws {
    try database.run(
      """
      INSERT INTO wave (rollout, number, state, reason) VALUES (?, ?, ?, ?)
      ON CONFLICT (rollout, number) DO UPDATE SET state = excluded.state, reason = excluded.reason
      """, [rollout(subject), .optional(subject.wave), .text(state.rawValue), .text(reason)])
  }

  /// DESIGN: "A certificate version is issued, staged, active, served, each recorded per host".
  private func fold(_ result: StepResult, _ subject: Event.Subject, _ at: SQLiteValue) throws {
    guard result.outcome.isSuccess, let lineage = result.lineage,
      let generation = try plannedGenerations(subject)[lineage]
    else { return }
    switch result.step {
    case .stage: try place(subject, lineage, generation, "staged_at", at)
    case .activate: try place(subject, lineage, generation, "active_at", at)
    case .verify: try place(subject, lineage, generation, "served_at", at)
    case .revert: try displace(subject, lineage, generation, at)
    case .connect, .recover, .preflight, .pre, .deploy, .redeploy, .recheck, .post: break
    }
  }

  private func settle(_ end: VisitEnd, _ subject: Event.Subject, _ at: SQLiteValue) throws {
    for (lineage, generation) in try plannedGenerations(subject) {
      switch end {
      case .ok, .unchanged, .degraded:
        try place(subject, lineage, generation, "active_at", at)
        try place(subject, lineage, generation, "kept_at", at)
        try database.run(
          "UPDATE placement SET gone_at = ? WHERE host = ? AND lineage = ? AND generation <> ? AND gone_at IS NULL",
          [at, host(subject), .text(lineage.rawValue), .integer(generation.number)])
      case .rolledBack, .failedClean: try displace(subject, lineage, generation, at)
      case .failedDirty, .unreachable, .deferred, .unknown: break
      }
    }
  }

  /// The host went back from a generation that it had not kept before.
  private func displace(
    _ subject: Event.Subject, _ lineage: Lineage.Name, _ generation: Generation, _ at: SQLiteValue
  ) throws {
    try database.run(
      """
      UPDATE placement SET gone_at = ?
      WHERE host = ? AND lineage = ? AND generation = ? AND gone_at IS NULL AND kept_at IS NULL
      """, [at, host(subject), .text(lineage.rawValue), .integer(generation.number)])
  }

  private func place(
    _ subject: Event.Subject, _ lineage: Lineage.Name, _ generation: Generation, _ column: String,
    _ at: SQLiteValue
  ) throws {
    let key: [SQLiteValue] = [host(subject), .text(lineage.rawValue), .integer(generation.number)]
    // What an earlier try left behind and took back is history, which the log keeps.
    try database.run(
      "DELETE FROM placement WHERE host = ? AND lineage = ? AND generation = ? AND gone_at IS NOT NULL", key)
    try database.run(
      """
      INSERT INTO placement (host, lineage, generation, \(column)) VALUES (?, ?, ?, ?)
      ON CONFLICT (host, lineage, generation) DO UPDATE SET \(column) = COALESCE(\(column), excluded.\(column))
      """, key + [at])
  }

  private func plannedGenerations(_ subject: Event.Subject) throws -> [Lineage.Name: Generation] {
    guard let id = subject.rollout, let host = subject.host else { return [:] }
    if planned?.rollout != id { planned = (id, try Self.generations(in: try rollout(id).plan)) }
    return planned?.generations[host] ?? [:]
  }

  private static func generations(in plan: Plan) throws -> [Host.Name: [Lineage.Name: Generation]] {
    plan.visits.reduce(into: [:]) { all, visit in
      for certificate in visit.certificates {
        all[visit.host.name, default: [:]][certificate.lineage] = certificate.generation
      }
    }
  }

  private func rollout(_ subject: Event.Subject) -> SQLiteValue { .optional(subject.rollout?.number) }
  private func host(_ subject: Event.Subject) -> SQLiteValue { .optional(subject.host?.rawValue) }
}
