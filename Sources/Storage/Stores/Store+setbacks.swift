package import Fleet
package import struct Fleet.Host
package import Foundation

extension Store {
  /// A host whose last visit under a policy did not end well.
  package struct StoredSetback: Sendable {
    package let host: Host.Name
    package let policy: RolloutPolicy.Name
    package let failures: Int
    package let end: VisitEnd
    package let reason: String
    package let at: Date
    package let rollout: Rollout.ID
    package let stateOfRollout: RolloutState
    /// What was wanted of the host then.
    package let wanted: PlannedVisit
  }

  package func setbacks() throws -> [StoredSetback] {
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
    guard let projection = try projection(of: id) else { return }
    for host in projection.visits.keys where projection.ledger.end(of: host)?.account != .success {
      try keepSetback(.skipped, reason: reason, .init(rollout: id, host: host), at: moment)
    }
  }

  /// Keeps how a host's visit went, for when it is tried again.
  func keepSetback(_ end: VisitEnd, reason: String, _ subject: Event.Subject, at moment: Date) throws {
    // Nothing went wrong on the host.
    guard end != .interrupted, let host = subject.host, let id = subject.rollout,
      let projection = try projection(of: id),
      let visit = projection.visits[host]
    else { return }
    let key: [SQLiteValue] = [.text(host.rawValue), .text(projection.policy.rawValue)]
    guard end.account != .success else {
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
      INSERT OR REPLACE INTO setback (host, policy, failures, end, reason, at, rollout, wanted)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      key + [
        .integer(failures), .text(end.rawValue), .text(reason), .moment(moment), .integer(id.number),
        .text(try FleetJSON.canonical(wanted)),
      ])
  }
}
