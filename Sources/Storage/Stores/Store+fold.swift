import Fleet
import FoundationEssentials

/// What an event changes in the tables that answer questions about now. The log is the truth; these rows follow
/// from it, in the same transaction. What the ledger refuses is not written.
extension Store {
  func fold(_ event: Event) throws {
    let subject = event.subject
    if let id = subject.rollout, try projection(of: id) != nil { try projections[id]?.ledger.apply(event) }
    let at = DatabaseValue.moment(event.at)
    switch event.kind {
    case .note(.served, _):
      try database.run(
        """
        UPDATE last_result SET "end" = 'ok', reason = '', at = ? WHERE host = ? AND lineage = ? AND "end" = 'placed'
        """,
        [at, host(subject), .optional(subject.lineage?.rawValue)])
      try database.run(
        "UPDATE observation SET served_at = ? WHERE host = ? AND lineage = ?",
        [at, host(subject), .optional(subject.lineage?.rawValue)])
    case .note: break
    case .rolloutStarted: try setRollout(subject, .running, reason: "")
    case .rolloutMoved(let state, let reason): try setRollout(subject, state, reason: reason)
    case .rolloutEnded(let state, let reason):
      try setRollout(subject, state, reason: reason)
      try database.run("UPDATE rollout SET ended_at = ? WHERE id = ?", [at, rollout(subject)])
      if let id = subject.rollout {
        if state == .cancelled { try keepCancelled(id, reason: reason, at: event.at) }
        projections[id] = nil
      }
    case .waveStarted: try setWave(subject, .running, reason: "", at)
    case .waveMoved(let state, let reason), .waveEnded(let state, let reason):
      try setWave(subject, state, reason: reason, at)
    case .visitStarted(let token): try begin(token, isRevert: false, subject, at)
    case .revertStarted(let token): try begin(token, isRevert: true, subject, at)
    case .step(let result): try fold(result, subject, at)
    case .visitEnded(let end, let reason):
      try database.run(
        """
        UPDATE visit SET "end" = ?, reason = ?, ended_at = ? WHERE rollout = ? AND host = ?
        """,
        [.text(end.rawValue), .text(reason), at, rollout(subject), host(subject)])
      try settle(end, subject, at, event.at)
      try keepResult(end, reason: reason, subject, at)
      try keepBackoff(end, reason: reason, subject, at: event.at)
    case .instructed(let instruction, let author, let why):
      try database.run(
        "INSERT INTO instruction (rollout, instruction, author, why, at) VALUES (?, ?, ?, ?, ?)",
        [rollout(subject), .text(try FleetJSON.canonical(instruction)), .text(author), .text(why), at])
    }
  }

  private func setRollout(_ subject: Event.Subject, _ state: RolloutState, reason: String) throws {
    try database.run(
      "UPDATE rollout SET state = ?, reason = ? WHERE id = ?",
      [.text(state.rawValue), .text(reason), rollout(subject)])
  }

  private func setWave(
    _ subject: Event.Subject, _ state: WaveState, reason: String, _ at: DatabaseValue
  ) throws {
    try database.run(
      "UPDATE wave SET state = ?, reason = ?, since = ? WHERE rollout = ? AND number = ?",
      [.text(state.rawValue), .text(reason), at, rollout(subject), .optional(subject.wave)])
  }

  private func begin(
    _ token: VisitToken, isRevert: Bool, _ subject: Event.Subject, _ at: DatabaseValue
  ) throws {
    try database.run(
      """
      INSERT INTO visit (rollout, host, wave, attempt, token, is_revert, started_at) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (rollout, host) DO UPDATE SET attempt = excluded.attempt, token = excluded.token,
        is_revert = excluded.is_revert, "end" = NULL, reason = '', started_at = excluded.started_at, ended_at = NULL
      """,
      [
        rollout(subject), host(subject), .optional(subject.wave), .optional(subject.attempt),
        .text(token.rawValue), .integer(isRevert ? 1 : 0), at,
      ])
  }

  private func keepResult(
    _ end: VisitEnd, reason: String, _ subject: Event.Subject, _ at: DatabaseValue
  ) throws {
    // How it came there stays what is remembered until it is gone.
    for certificate in try delivered(subject) where !certificate.isRetired {
      try database.run(
        """
        INSERT INTO last_result (host, lineage, rollout, "end", reason, at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (host, lineage) DO UPDATE SET rollout = excluded.rollout, "end" = excluded."end",
          reason = excluded.reason, at = excluded.at
        """,
        [
          host(subject), .text(certificate.lineage.rawValue), rollout(subject), .text(end.rawValue),
          .text(reason), at,
        ])
    }
  }

  /// DESIGN: "A certificate version is issued, staged, active, served, each recorded per host".
  private func fold(_ result: StepResult, _ subject: Event.Subject, _ at: DatabaseValue) throws {
    guard result.outcome.isSuccess,
      let certificate = try delivered(subject).first(where: { $0.lineage == result.lineage }),
      !certificate.isRetired
    else { return }
    switch result.step {
    case .stage: try place(subject, certificate, "staged_at", at)
    case .activate: try place(subject, certificate, "active_at", at)
    case .verify: try place(subject, certificate, "served_at", at)
    case .revert: try displace(subject, certificate, at)
    case .connect, .recover, .preflight, .pre, .deploy, .redeploy, .recheck, .post, .reverify: break
    }
  }

  private func settle(
    _ end: VisitEnd, _ subject: Event.Subject, _ at: DatabaseValue, _ moment: Date
  ) throws {
    let projection = try subject.rollout.flatMap { try self.projection(of: $0) }
    let isRevert = subject.host.flatMap { projection?.ledger.visits[$0]?.isRevert } ?? false
    for certificate in try delivered(subject) {
      guard !certificate.isRetired else {
        if end.account == .success, let host = subject.host { try forget(certificate.lineage, on: host) }
        continue
      }
      if let host = subject.host {
        let isBack = isRevert && end == .rolledBack
        try observe(isBack ? .ok : end, of: certificate, on: host, at: moment)
      }
      switch end {
      case .ok, .unchanged, .degraded, .placed: try keep(certificate, subject, at)
      // A host that was to go back has gone back.
      case .rolledBack where isRevert: try keep(certificate, subject, at)
      case .rolledBack, .failedClean, .inconclusive, .interrupted: try displace(subject, certificate, at)
      // It was kept, and is not served after all.
      case .failedDirty where !isRevert: try doNotKeep(certificate, subject)
      case .failedDirty, .unreachable, .refused, .deferred, .unknown, .skipped: break
      }
    }
    guard isRevert, end != .rolledBack else { return }
    // What it was to go back from is not what it should have, and it has not gone back either: it is due again.
    for certificate in subject.host.flatMap({ projection?.visits[$0]?.certificates }) ?? [] {
      try doNotKeep(certificate, subject)
    }
  }

  private func doNotKeep(_ certificate: PlannedCertificate, _ subject: Event.Subject) throws {
    try database.run(
      "UPDATE placement SET kept_at = NULL WHERE host = ? AND lineage = ? AND generation = ?",
      key(subject, certificate))
  }

  private func keep(_ certificate: PlannedCertificate, _ subject: Event.Subject, _ at: DatabaseValue) throws {
    try place(subject, certificate, "active_at", at)
    try place(subject, certificate, "kept_at", at)
    try database.run(
      "UPDATE placement SET files = ? WHERE host = ? AND lineage = ? AND generation = ?",
      [.text(try FleetJSON.canonical(certificate.files))] + key(subject, certificate))
    try database.run(
      "UPDATE placement SET gone_at = ? WHERE host = ? AND lineage = ? AND generation <> ? AND gone_at IS NULL",
      [at] + key(subject, certificate))
  }

  /// The host went back from a generation that it had not kept before.
  private func displace(
    _ subject: Event.Subject, _ certificate: PlannedCertificate, _ at: DatabaseValue
  ) throws {
    try database.run(
      """
      UPDATE placement SET gone_at = ?
      WHERE host = ? AND lineage = ? AND generation = ? AND gone_at IS NULL AND kept_at IS NULL
      """, [at] + key(subject, certificate))
  }

  private func place(
    _ subject: Event.Subject, _ certificate: PlannedCertificate, _ column: String, _ at: DatabaseValue
  ) throws {
    // What an earlier try left behind and took back is history, which the log keeps.
    try database.run(
      "DELETE FROM placement WHERE host = ? AND lineage = ? AND generation = ? AND gone_at IS NOT NULL",
      key(subject, certificate))
    try database.run(
      """
      INSERT INTO placement (host, lineage, generation, \(column)) VALUES (?, ?, ?, ?)
      ON CONFLICT (host, lineage, generation) DO UPDATE SET \(column) = COALESCE(placement.\(column), excluded.\(column))
      """, key(subject, certificate) + [at])
  }

  private func delivered(_ subject: Event.Subject) throws -> [PlannedCertificate] {
    guard let id = subject.rollout, let host = subject.host else { return [] }
    return try projection(of: id)?.delivered(to: host) ?? []
  }

  private func key(_ subject: Event.Subject, _ certificate: PlannedCertificate) -> [DatabaseValue] {
    [host(subject), .text(certificate.lineage.rawValue), .integer(certificate.generation.number)]
  }

  private func rollout(_ subject: Event.Subject) -> DatabaseValue { .optional(subject.rollout?.number) }
  private func host(_ subject: Event.Subject) -> DatabaseValue { .optional(subject.host?.rawValue) }
}
