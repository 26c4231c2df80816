import Fleet
package import FoundationEssentials
package import System

/// One controller at work among several, by the database's clock.
package struct ControllerSession: Hashable, Sendable {
  /// Counted up for each; what a session has taken belongs to it, and not to another of the same controller.
  package let number: Int
  package let name: String
  /// Those that it serves; empty serves hosts of no site alone.
  package let sites: Set<String>
  /// Whether it carries out visits that are handed out.
  package var takesPart = true
  package var process = ""
  package var version = ""
  package var beganAt = Date.distantPast
  /// When it was heard of last.
  package var seenAt = Date.distantPast
  /// Whether it was heard of lately enough for what it has to be its own.
  package var isLiving = true
  /// Whether it decides what is done; the others carry out.
  package var leads = false
  /// Visits that it has taken.
  package var visits = 0

  /// After so long without a word what a session has is another's to take.
  package static let term = Duration.seconds(20)
  /// How often one says that it lives.
  package static let interval = Duration.seconds(4)
}

/// What several controllers cannot have at the same time was taken from this one, which was not heard of for too long.
package struct LeaseLost: Error, Hashable, CustomStringConvertible {
  package let description: String
}

/// This controller is none of those at work any more.
package struct SessionEnded: Error, Hashable, CustomStringConvertible {
  package let name: String
  package var description: String {
    "another process has begun in the place of controller \(name), or it stood still for more than a day; where two machines have a copy of one state folder, delete the file 'controller' in the copy"
  }
}

#if PostgreSQL
  /// What controllers tell each other, each on a channel of its own: nobody looks for what was not handed out.
  package enum NotificationChannel: String, Sendable {
    case visits = "certfleet_visits"
    case looks = "certfleet_looks"
    case questions = "certfleet_questions"
    /// A person has said something to a rollout, or declared or issued something.
    case orders = "certfleet_orders"
  }

  extension Store {
    /// - Parameter heard: what is called when something was told, or may have been; as long as what is returned is kept.
    package func listen(_ heard: [NotificationChannel: @Sendable () -> Void]) -> PostgreSQLListener? {
      let channels = Dictionary(uniqueKeysWithValues: heard.map { ($0.rawValue, $1) })
      return (database as? PostgreSQLConnection).map { PostgreSQLListener($0.address, channels) }
    }

    /// Heard where the transaction is committed.
    func notify(_ channel: NotificationChannel) throws { try database.run("NOTIFY \(channel.rawValue)") }

    /// Begins a session. One of a controller takes part at a time: what an earlier one of it has is free at once.
    package func join(
      name: String, sites: Set<String>, process: String, takesPart: Bool
    ) throws -> ControllerSession {
      let controller = DatabaseValue.text(chain)
      let number = try transaction {
        try database.run("DELETE FROM session WHERE seen_at < clock_timestamp() - interval '1 day'")
        if takesPart {
          try database.run("DELETE FROM session WHERE controller = ? AND takes_part = 1", [controller])
        }
        return try database.insert(
          """
          INSERT INTO session (number, controller, name, sites, process, version, takes_part)
          VALUES (nextval('epoch'), ?, ?, ?, ?, ?, ?) RETURNING number
          """,
          [
            controller, .text(name), .text(sites.sorted().joined(separator: ",")), .text(process),
            .text(Product.version), .integer(takesPart ? 1 : 0),
          ])
      }
      let session = ControllerSession(
        number: number, name: name, sites: sites, takesPart: takesPart, process: process)
      sharing = Sharing(session: session)
      return session
    }

    /// Says that it lives, as long as what is returned is kept.
    package func keepAlive(_ session: ControllerSession) -> Heartbeat? {
      let heartbeat = (database as? PostgreSQLConnection).map { Heartbeat($0.address, session) }
      sharing?.heartbeat = heartbeat
      return heartbeat
    }

    /// - Throws: `SessionEnded`, where this controller is none of those at work any more, and nobody would count with it.
    package func requireSession() throws {
      if let sharing, sharing.heartbeat?.isForgotten == true {
        throw SessionEnded(name: sharing.session.name)
      }
    }

    /// Once it is requested a server that is gone is not waited for as long.
    package func heed(_ stop: StopSignal) { (database as? PostgreSQLConnection)?.stop = stop }

    /// How often the database was waited for.
    package var roundTrips: Int { (database as? PostgreSQLConnection)?.roundTrips ?? 0 }

    package func leave(_ session: ControllerSession) throws {
      try transaction {
        try database.run("DELETE FROM lease_holder WHERE session = ?", [.integer(session.number)])
        try database.run("UPDATE visit_task SET session = NULL WHERE session = ?", [.integer(session.number)])
        try database.run("DELETE FROM session WHERE number = ?", [.integer(session.number)])
      }
      sharing = nil
    }

    /// Those that were heard of within the last day.
    package func controllers() throws -> [ControllerSession] {
      try database.rows(
        """
        SELECT s.number, s.name, s.sites, s.process, s.version, EXTRACT(EPOCH FROM s.began_at)::float8,
          EXTRACT(EPOCH FROM s.seen_at)::float8, s.seen_at > clock_timestamp() - \(Self.term),
          EXISTS (SELECT 1 FROM lease_holder WHERE session = s.number),
          (SELECT count(*) FROM visit_task WHERE session = s.number), s.takes_part
        FROM session AS s WHERE s.seen_at > clock_timestamp() - interval '1 day' ORDER BY s.name, s.number
        """
      ) {
        ControllerSession(
          number: $0.integer(0), name: $0.text(1),
          sites: Set($0.text(2).split(separator: ",").map(String.init)),
          takesPart: $0.integer(10) == 1, process: $0.text(3), version: $0.text(4), beganAt: $0.moment(5),
          seenAt: $0.moment(6),
          isLiving: $0.integer(7) == 1, leads: $0.integer(8) == 1, visits: $0.integer(9))
      }
    }

    /// A condition on a session: it is heard of, and takes visits.
    static let isAtWork = "seen_at > clock_timestamp() - \(term) AND takes_part = 1"

    static let term = "interval '\(ControllerSession.term.components.seconds) s'"

    /// A condition on a session's number: it is not heard of any more.
    static func isDead(_ column: String) -> String {
      // The living ones are looked up once, and not for each row.
      "\(column) NOT IN (SELECT number FROM session WHERE seen_at > clock_timestamp() - \(term))"
    }

    /// A condition on the session that has a task: there is none, or it was lost.
    static func isFree(_ column: String, for own: Sharing) -> String {
      guard own.isSteady else { return "\(column) IS NULL" }
      return "(\(column) IS NULL OR \(column) <> \(own.session.number) AND \(isDead(column)))"
    }

    // MARK: The lease of the fleet

    package enum LeaseAnswer: Hashable, Sendable {
      /// - Parameter wasLeft: whether it was somebody's who was lost.
      case taken(wasLeft: Bool)
      case held(by: String)
    }

    /// Takes the right to decide what is done in the fleet: to plan, to order, to begin. What was handed out is taken back, but for visits
    /// that living controllers are at, which go on.
    package func takeLease(_ session: ControllerSession) throws -> LeaseAnswer {
      let answer = try transaction { () throws -> LeaseAnswer in
        let holder = try database.rows(
          """
          SELECT h.session, \(Self.isDead("h.session")), COALESCE(s.name, '') FROM lease_holder AS h
          LEFT JOIN session AS s ON s.number = h.session
          """
        ) { (session: $0.integer(0), isDead: $0.integer(1) == 1, name: $0.text(2)) }.first
        if let holder, holder.session != session.number, !holder.isDead || sharing?.isSteady == false {
          return .held(by: holder.name)
        }
        try database.run("DELETE FROM lease_holder")
        try database.run("INSERT INTO lease_holder (session) VALUES (?)", [.integer(session.number)])
        try database.run(
          "DELETE FROM visit_task WHERE session IS NULL OR session <> ? AND \(Self.isDead("session"))",
          [.integer(session.number)])
        try database.run("UPDATE visit_task SET leader = ?", [.integer(session.number)])
        try database.run("DELETE FROM site_task")
        return .taken(wasLeft: holder.map { $0.session != session.number } ?? false)
      }
      let leads = if case .taken = answer { true } else { false }
      if leads || sharing?.leads == true { projections = [:] }
      sharing?.leads = leads
      return answer
    }

    /// Whose the lease is, as one controller sees it.
    package enum LeaseStanding: Hashable, Sendable {
      /// Nobody's, or its own.
      case free
      /// Another one's, who lives.
      case held
      /// Another one's, who was lost.
      case left
    }

    package func leaseStanding(for session: ControllerSession) throws -> LeaseStanding {
      try database.rows(
        "SELECT \(Self.isDead("session")) FROM lease_holder WHERE session <> ?", [.integer(session.number)]
      ) { $0.integer(0) == 1 ? LeaseStanding.left : .held }.first ?? .free
    }

    package func giveUpLease(_ session: ControllerSession) throws {
      sharing?.leads = false
      // While others lead they record, too.
      projections = [:]
      try database.run("DELETE FROM lease_holder WHERE session = ?", [.integer(session.number)])
    }
  }
#endif
