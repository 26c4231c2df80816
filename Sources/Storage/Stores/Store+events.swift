package import Fleet
package import FoundationEssentials
import PKI

extension Store {
  /// Adds an event to the log and what follows from it to the tables, inside the caller's transaction.
  ///
  /// - Parameter isLast: of the transaction; the end of the log is sealed with it.
  func append(_ event: Event, isLast: Bool = true) throws {
    let row = try LoggedEvent.Fields(event)
    let previous = try lastEvent()
    if projectedEvent != previous.id { projections = [:] }
    let hash = row.hash(after: previous.hash)
    let id = try database.insert(
      """
      INSERT INTO event (at, rollout, wave, host, attempt, lineage, kind, hash, form)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
      """, row.values + [.text(hash), .integer(FleetJSON.form)])
    if isLast { try sealHead(LogHead(id: id, hash: hash)) }
    projectedEvent = id
    try fold(event)
  }

  func lastEvent() throws -> (id: Int, hash: String) {
    try database.rows("SELECT id, hash FROM event ORDER BY id DESC LIMIT 1") { ($0.integer(0), $0.text(1)) }
      .first ?? (0, "")
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
    require("rollout", filter.rollout.map { .integer($0.number) })
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
    let start = try logStart()
    if start != .empty { verifyArchives(upTo: start, &check) }
    guard check.firstAltered == nil else { return check }
    check.count = check.archived
    var previous = start.hash
    // A row at a time: a log of years does not fit into memory.
    _ = try database.rows(
      "SELECT id, at, rollout, wave, host, attempt, lineage, kind, hash FROM event ORDER BY id"
    ) { row in
      guard check.firstAltered == nil else { return }
      let hash = row.text(8)
      guard LoggedEvent.Fields(row: row).hash(after: previous) == hash else {
        check.firstAltered = row.integer(0)
        return
      }
      previous = hash
      check.count += 1
    }
    check.cutOff = try cutOff()
    return check
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
