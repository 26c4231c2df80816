package import Fleet
package import FoundationEssentials

/// What there is one of: declared, or remembered from run to run.
extension Store {
  enum Setting: String {
    case history, metrics, notify
    /// When runs ended.
    case runs
    /// What each notifier was told.
    case notified
    /// The epoch before which a run has seen all that was ordered.
    case ordersSeen = "orders_seen"
  }

  func setting<Value: Decodable>(_ name: Setting) throws -> Value? {
    try database.rows("SELECT value FROM setting WHERE name = ?", [.text(name.rawValue)]) {
      try $0.json(0) as Value
    }.first
  }

  func keep(_ value: some Encodable, as name: Setting) throws {
    try database.run(
      "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [.text(name.rawValue), .text(try FleetJSON.canonical(value))])
  }

  /// One that is declared.
  func apply<Value: Codable & Equatable>(
    _ wanted: Value?, as name: Setting, _ prune: Bool, _ changes: inout Changes
  ) throws {
    let stored: Value? = try setting(name)
    guard wanted != stored else { return }
    guard let wanted else {
      guard prune else { return changes.undeclared.append(name.rawValue) }
      changes.removed.append(name.rawValue)
      return try database.run("DELETE FROM setting WHERE name = ?", [.text(name.rawValue)])
    }
    if stored == nil { changes.added.append(name.rawValue) } else { changes.changed.append(name.rawValue) }
    try keep(wanted, as: name)
  }

  package func runMoments() throws -> RunMoments? { try setting(.runs) }

  package func noteRun(at now: Date, isSuccess: Bool) throws {
    let former = try runMoments()?.succeededAt
    try keep(
      RunMoments(
        endedAt: now.timeIntervalSince1970, succeededAt: isSuccess ? now.timeIntervalSince1970 : former),
      as: .runs)
  }

  /// What each notifier was told last: on how many hosts something is not as it should be.
  package func notified() throws -> [String: [String: Int]] { try setting(.notified) ?? [:] }

  package func keepNotified(_ told: [String: [String: Int]]) throws { try keep(told, as: .notified) }
}
