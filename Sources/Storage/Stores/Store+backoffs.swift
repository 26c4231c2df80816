package import Fleet
import FoundationEssentials

extension Store {
  /// Hosts whose last visit under a policy did not end well.
  package func backoffs() throws -> [RolloutPolicy.Name: [Host.Name: HostBackoff]] {
    try database.rows(
      """
      SELECT s.host, s.policy, s.failures, s."end", s.reason, s.at, s.rollout, r.state, s.wanted
      FROM setback AS s JOIN rollout AS r ON r.id = s.rollout
      """
    ) { row in
      let end = VisitEnd(rawValue: row.text(3)) ?? .unknown
      let state = RolloutState(rawValue: row.text(7)) ?? .running
      return (
        RolloutPolicy.Name(row.text(1)), Host.Name(row.text(0)),
        HostBackoff(
          failures: row.integer(2), end: end, reason: row.text(4), at: row.moment(5),
          rollout: Rollout.ID(row.integer(6)), hasHaltedRollout: state.isFailure && end.account == .failure,
          wanted: try row.json(8))
      )
    }.reduce(into: [:]) { all, row in all[row.0, default: [:]][row.1] = row.2 }
  }

  /// What a person cancelled does not begin by itself again.
  func keepCancelled(_ id: Rollout.ID, reason: String, at moment: Date) throws {
    guard let projection = try projection(of: id) else { return }
    for host in projection.visits.keys where projection.ledger.end(of: host)?.account != .success {
      try keepBackoff(.skipped, reason: reason, .init(rollout: id, host: host), at: moment)
    }
  }

  /// Keeps how a host's visit went, for when it is tried again.
  func keepBackoff(_ end: VisitEnd, reason: String, _ subject: Event.Subject, at moment: Date) throws {
    // Nothing went wrong on the host.
    guard end != .interrupted, let host = subject.host, let id = subject.rollout,
      let projection = try projection(of: id),
      let visit = projection.visits[host], !visit.retires
    else { return }
    let key: [DatabaseValue] = [.text(host.rawValue), .text(projection.policy.rawValue)]
    guard end.account != .success, end != .placed else {
      return try database.run("DELETE FROM setback WHERE host = ? AND policy = ?", key)
    }
    let wanted = visit.essence
    let former = try database.rows(
      "SELECT failures, rollout, wanted FROM setback WHERE host = ? AND policy = ?", key
    ) { (failures: $0.integer(0), rollout: $0.integer(1), wanted: $0.text(2)) }.first
    var failures = 1
    if let former, try holds(former.wanted, wanted) {
      // One rollout counts once, however many attempts it makes.
      failures = former.failures + (former.rollout == id.number ? 0 : 1)
    }
    try database.run(
      """
      INSERT INTO setback (host, policy, failures, "end", reason, at, rollout, wanted)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (host, policy) DO UPDATE SET failures = excluded.failures, "end" = excluded."end",
        reason = excluded.reason, at = excluded.at, rollout = excluded.rollout, wanted = excluded.wanted
      """,
      key + [
        .integer(failures), .text(end.rawValue), .text(reason), .moment(moment), .integer(id.number),
        .text(try FleetJSON.canonical(wanted)),
      ])
  }
}
