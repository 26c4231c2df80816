public import Fleet
public import struct Fleet.Host
public import Foundation

extension Store {
  /// A host whose last visit under a policy did not end well.
  public struct StoredSetback: Sendable {
    public let host: Host.Name
    public let policy: RolloutPolicy.Name
    public let failures: Int
    public let end: VisitEnd
    public let reason: String
    public let at: Date
    public let rollout: Rollout.ID
    public let stateOfRollout: RolloutState
    /// What was wanted of the host then.
    public let wanted: PlannedVisit
  }

  public func setbacks() throws -> [StoredSetback] {
    try database.rows(
      """
      SELECT s.host, s.policy, s.failures, s.end, s.reason, s.at, s.rollout, r.state, s.wanted
      FROM setback AS s JOIN rollout AS r ON r.id = s.rollout
      """
    ) {
      StoredSetback(
        host: Host.Name($0.text(0)), policy: RolloutPolicy.Name($0.text(1)), failures: $0.integer(2),
        end: VisitEnd(rawValue: $0.text(3)) ?? .unknown, reason: $0.text(4), at: $0.moment(5),
        rollout: Rollout.ID($0.integer(6)), stateOfRollout: RolloutState(rawValue: $0.text(7)) ?? .running,
        wanted: try $0.json(8))
    }
  }

  /// What a person cancelled does not begin by itself again.
  func keepCancelled(_ id: Rollout.ID, reason: String, at moment: Date) throws {
    guard let course = try course(of: id) else { return }
    for host in course.visits.keys where course.ledger.end(of: host)?.account != .success {
      try keepSetback(.skipped, reason: reason, .init(rollout: id, host: host), at: moment)
    }
  }

  /// Keeps how a host's visit went, for when it is tried again.
  func keepSetback(_ end: VisitEnd, reason: String, _ subject: Event.Subject, at moment: Date) throws {
    // Nothing went wrong on the host.
    guard end != .interrupted, let host = subject.host, let id = subject.rollout,
      let course = try course(of: id),
      let visit = course.visits[host]
    else { return }
    let key: [SQLiteValue] = [.text(host.rawValue), .text(course.policy.rawValue)]
    guard end.account != .success else {
      return try database.run("DELETE FROM setback WHERE host = ? AND policy = ?", key)
    }
    let wanted = try canonicalJSON(visit.essence)
    // One rollout counts once, however many attempts it makes.
    try database.run(
      """
      INSERT INTO setback (host, policy, failures, end, reason, at, rollout, wanted) VALUES (?, ?, 1, ?, ?, ?, ?, ?)
      ON CONFLICT (host, policy) DO UPDATE SET end = excluded.end, reason = excluded.reason, at = excluded.at,
        rollout = excluded.rollout, wanted = excluded.wanted,
        failures = CASE WHEN setback.wanted <> excluded.wanted THEN 1
          WHEN setback.rollout = excluded.rollout THEN setback.failures ELSE setback.failures + 1 END
      """,
      key + [
        .text(end.rawValue), .text(reason), .moment(moment), .integer(id.number), .text(wanted),
      ])
  }
}
