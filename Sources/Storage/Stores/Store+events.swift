package import Fleet
package import FoundationEssentials
import Glibc
import PKI

extension Store {
  /// Adds an event to the log and what follows from it to the tables, inside the caller's transaction.
  func append(_ event: Event) throws {
    let row = try LoggedEvent.Fields(event)
    let previous = try logEnd()
    if projectedEvent != previous.number { projections = [:] }
    let end = LogHead(number: previous.number + 1, hash: row.hash(after: previous.hash))
    try database.run(
      """
      INSERT INTO event (chain, number, at, rollout, wave, host, attempt, lineage, kind, hash, form)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [.text(chain), .integer(end.number)] + row.values + [.text(end.hash), .integer(FleetJSON.form)])
    logEndInTransaction = end
    isSealOwed = true
    projectedEvent = end.number
    try fold(event)
    #if PostgreSQL
      // A controller that serves hears it.
      if sharing?.session.takesPart != true, database is PostgreSQLConnection {
        try notify(.orders)
      }
    #endif
  }

  /// The last event of our own chain. In a transaction nobody else writes to it.
  func logEnd() throws -> LogHead {
    if let logEndInTransaction { return logEndInTransaction }
    let end = try log.last()
    if isInTransaction { logEndInTransaction = end }
    return end
  }

  /// What `log` can be narrowed to.
  package struct LogFilter: Sendable {
    package var host: Host.Name?
    package var rollout: Rollout.ID?
    package var lineage: Lineage.Name?
    package var since: Date?
    package var until: Date?
    /// What else it is to be; `nil` is anything.
    package var matches: (@Sendable (Event) -> Bool)?
    /// The newest of them, no more than so many.
    package var most: Int?

    package init(
      host: Host.Name? = nil, rollout: Rollout.ID? = nil, lineage: Lineage.Name? = nil, since: Date? = nil,
      until: Date? = nil, most: Int? = nil, matches: (@Sendable (Event) -> Bool)? = nil
    ) {
      self.until = until
      self.matches = matches
      self.since = since
      self.most = most
      self.host = host
      self.rollout = rollout
      self.lineage = lineage
    }
  }

  /// The events, oldest first.
  ///
  /// - Parameter last: the number of the last one that is known already.
  package func events(_ filter: LogFilter = LogFilter(), after last: Int = 0) throws -> [LoggedEvent] {
    var conditions = ["id > ?"]
    var values: [DatabaseValue] = [.integer(last)]
    func require(_ column: String, _ value: DatabaseValue?) {
      guard let value else { return }
      conditions.append("\(column) = ?")
      values.append(value)
    }
    require("host", filter.host.map { .text($0.rawValue) })
    // One host's events are few beside those of a rollout: they are found by the host.
    require(filter.host == nil ? "rollout" : "rollout + 0", filter.rollout.map { .integer($0.number) })
    require("lineage", filter.lineage.map { .text($0.rawValue) })
    if let since = filter.since {
      conditions.append("at >= ?")
      values.append(.moment(since))
    }
    if let until = filter.until {
      conditions.append("at < ?")
      values.append(.moment(until))
    }
    let condition = conditions.joined(separator: " AND ")
    let columns =
      "SELECT id, at, rollout, wave, host, attempt, lineage, kind, form FROM event WHERE \(condition)"
    if let matches = filter.matches {
      // A row at a time: most are passed over.
      var found: [LoggedEvent] = []
      _ = try database.rows("\(columns) ORDER BY id", values) { row in
        let event = try LoggedEvent(row: row)
        if matches(event.event) { found.append(event) }
      }
      return filter.most.map { Array(found.suffix($0)) } ?? found
    }
    guard let most = filter.most else {
      return try database.rows("\(columns) ORDER BY id", values) { try LoggedEvent(row: $0) }
    }
    return try database.rows("\(columns) ORDER BY id DESC LIMIT ?", values + [.integer(most)]) {
      try LoggedEvent(row: $0)
    }.reversed()
  }

  /// What walking the chain has shown.
  package struct LogCheck: Hashable, Sendable {
    /// Events that are what was recorded.
    package var count: Int
    /// The first whose content is not.
    package var firstAltered: Int?
    /// Whether the end is missing.
    package var cutOff: LogCutOff?
    /// Of them those that are in files.
    package var archived = 0
    /// Files are missing, or not whole, up to this event.
    package var missingArchive: Int?

    package init(count: Int, firstAltered: Int? = nil, cutOff: LogCutOff? = nil) {
      self.count = count
      self.firstAltered = firstAltered
      self.cutOff = cutOff
    }
  }

  package func verifyLog() throws -> LogCheck {
    var check = LogCheck(count: 0)
    var ties: [LogTie] = []
    for name in try LogChain.all(in: database) where check.firstAltered == nil {
      try verify(LogChain(name: name, database: database, sealing: sealing), &check, &ties)
    }
    for tie in ties where check.cutOff == nil {
      let log = LogChain(name: tie.chain, database: database, sealing: sealing)
      if try !log.holds(tie) {
        check.cutOff = LogCutOff(recorded: tie.end.number, found: try log.last().number)
      }
    }
    return check
  }

  private func verify(_ log: LogChain, _ check: inout LogCheck, _ ties: inout [LogTie]) throws {
    let first = try log.first()
    let archived = check.archived
    // The files of other controllers are with them.
    let isHere = log.name == chain || access(archiveFolder(of: log.name), F_OK) == 0
    if first != .empty, isHere { verifyArchives(of: log.name, upTo: first, &check) }
    guard check.firstAltered == nil else { return }
    let walked = try log.walk(after: first) { ties.append($0) }
    check.count += check.archived - archived + walked.count
    check.firstAltered = walked.firstAltered
    check.cutOff = try check.cutOff ?? log.cutOff()
  }
}

extension LoggedEvent {
  init(row: any DatabaseRow) throws {
    let event = Event(
      at: row.moment(1),
      subject: Event.Subject(
        rollout: row.optionalInteger(2).map { Rollout.ID($0) }, wave: row.optionalInteger(3),
        host: row.optionalText(4).map { Host.Name($0) }, attempt: row.optionalInteger(5),
        lineage: row.optionalText(6).map { Lineage.Name($0) }),
      kind: try row.kind(7, form: 8))
    self.init(id: row.integer(0), event: event)
  }

  /// An event's columns, and what its hash covers.
  struct Fields {
    let at: Double
    let numbers: [Int?]
    let host: String?
    let lineage: String?
    let kind: String

    init(_ event: Event) throws {
      let subject = event.subject
      at = event.at.timeIntervalSince1970
      numbers = [subject.rollout?.number, subject.wave, subject.attempt]
      host = subject.host?.rawValue
      lineage = subject.lineage?.rawValue
      kind = try FleetJSON.canonical(event.kind)
    }

    init(at: Double, numbers: [Int?], host: String?, lineage: String?, kind: String) {
      (self.at, self.numbers, self.host, self.lineage, self.kind) = (at, numbers, host, lineage, kind)
    }

    init(row: any DatabaseRow) {
      at = row.moment(1).timeIntervalSince1970
      numbers = [row.optionalInteger(2), row.optionalInteger(3), row.optionalInteger(5)]
      host = row.optionalText(4)
      lineage = row.optionalText(6)
      kind = row.text(7)
    }

    var values: [DatabaseValue] {
      [
        .real(at), .optional(numbers[0]), .optional(numbers[1]), .optional(host), .optional(numbers[2]),
        .optional(lineage), .text(kind),
      ]
    }

    /// Every field with its length before it, so that no two different rows cover the same bytes.
    func hash(after previous: String) -> String {
      let fields =
        [previous, String(at.bitPattern, radix: 16)] + numbers.map { $0.map(String.init) ?? "-" }
        + [host ?? "-", lineage ?? "-", kind]
      return SHA256.hexadecimal(fields.map { "\($0.utf8.count):\($0)" }.joined().utf8)
    }
  }
}
