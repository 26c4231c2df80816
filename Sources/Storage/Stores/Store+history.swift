import Fleet
package import FoundationEssentials
import Glibc
import PKI

/// An event in a file: a line of JSON with all that its hash covers.
private struct ArchivedEvent: Codable {
  let id: Int
  /// Seconds since 1970, as the bits of a double in hexadecimal, which is what the hash covers.
  let at: String
  let rollout: Int?
  let wave: Int?
  let attempt: Int?
  let host: String?
  let lineage: String?
  let kind: String
  let hash: String

  init(row: any DatabaseRow) {
    let fields = LoggedEvent.Fields(row: row)
    (id, at, hash) = (row.integer(0), String(fields.at.bitPattern, radix: 16), row.text(8))
    (rollout, wave, attempt) = (fields.numbers[0], fields.numbers[1], fields.numbers[2])
    (host, lineage, kind) = (fields.host, fields.lineage, fields.kind)
  }

  var fields: LoggedEvent.Fields? {
    UInt64(at, radix: 16).map {
      LoggedEvent.Fields(
        at: Double(bitPattern: $0), numbers: [rollout, wave, attempt], host: host, lineage: lineage,
        kind: kind)
    }
  }
}

/// Events that are older than the declared history: in files beside the database, which the chain still vouches for.
extension Store {
  private static let start = "log start"
  /// So that not every run makes a file of a few events.
  private static let patience = 86400.0

  /// Moves what is older than declared into a file, where there is a day's worth of it.
  ///
  /// - Returns: how many events.
  package func archiveHistory(now: Date) throws -> Int {
    guard let keep = try (setting(.history) as HistoryKeeping?)?.keep.seconds else { return 0 }
    let oldest = try database.rows("SELECT id, at FROM event ORDER BY id LIMIT 1") {
      ($0.integer(0), $0.moment(1))
    }
    guard let (first, at) = oldest.first, now.timeIntervalSince(at) > keep + Self.patience else { return 0 }
    let before = DatabaseValue.moment(now.addingTimeInterval(-keep))
    // A beginning of the log without a gap; its last event stays.
    let last =
      try database.rows(
        "SELECT COALESCE((SELECT MIN(id) FROM event WHERE at >= ?), (SELECT MAX(id) FROM event)) - 1",
        [before]
      ) { $0.integer(0) }.first ?? 0
    guard last >= first else { return 0 }
    let (count, hash) = try write(first, through: last)
    try transaction {
      try database.run("DROP TRIGGER event_is_never_removed")
      try database.run("DELETE FROM event WHERE id <= ?", [.integer(last)])
      try database.run(
        "CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event BEGIN SELECT RAISE (ABORT, 'events are never removed'); END"
      )
      try Seals.set(Self.start, LogHead(id: last, hash: hash).secret, on: database, sealing)
    }
    return count
  }

  private func write(_ first: Int, through last: Int) throws -> (count: Int, hash: String) {
    try FileManager.default.createDirectory(
      atPath: historyPath, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var (text, count, hash) = (Data(), 0, "")
    _ = try database.rows(
      "SELECT id, at, rollout, wave, host, attempt, lineage, kind, hash FROM event WHERE id <= ? ORDER BY id",
      [.integer(last)]
    ) { row in
      let event = ArchivedEvent(row: row)
      text += Data((try FleetJSON.canonical(event) + "\n").utf8)
      (count, hash) = (count + 1, event.hash)
    }
    for name in archives where name.firstEvent >= first {
      // Of a crash before it was noted, or of the state that was here before this one was restored.
      rename("\(historyPath)/\(name)", "\(historyPath)/\(name).former")
    }
    let path = "\(historyPath)/events-\(first)-\(last).jsonl"
    try text.write(to: URL(filePath: path + ".new"))
    chmod(path + ".new", 0o600)
    guard rename(path + ".new", path) == 0 else { throw Missing(what: path) }
    sync()
    return (count, hash)
  }

  /// The files in their order.
  private var archives: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: historyPath)) ?? []).filter {
      $0.hasPrefix("events-") && $0.hasSuffix(".jsonl")
    }.sorted { $0.naturallyPrecedes($1) }
  }

  /// The event before the first one in the database.
  func logStart() throws -> LogHead {
    let sealed = try database.rows("SELECT value FROM seal WHERE name = ?", [.text(Self.start)]) {
      $0.blob(0)
    }
    guard let sealed = sealed.first else { return .empty }
    let words = try sealing.open(sealed, for: Self.start).reveal().split(separator: " ").map(String.init)
    return LogHead(id: Int(words.first ?? "") ?? 0, hash: words.last ?? "")
  }

  /// Walks the chain through the files, up to where the database goes on.
  func verifyArchives(upTo start: LogHead, _ check: inout LogCheck) {
    var head = LogHead.empty
    for name in archives {
      let bytes = FileManager.default.contents(atPath: "\(historyPath)/\(name)") ?? Data()
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        guard let event = try? FleetJSON.decode(String(decoding: line, as: UTF8.self), as: ArchivedEvent.self)
        else {
          check.firstAltered = head.id + 1
          return
        }
        // A file that was made again after a crash, or after the backup that this state comes from.
        guard event.id > head.id, event.id <= start.id else { continue }
        guard event.fields?.hash(after: head.hash) == event.hash else {
          check.firstAltered = event.id
          return
        }
        head = LogHead(id: event.id, hash: event.hash)
        check.archived += 1
      }
    }
    if head != start { check.missingArchive = start.id }
  }
}

extension String {
  /// `events-FIRST-LAST.jsonl`
  fileprivate var firstEvent: Int { split(separator: "-").dropFirst().first.flatMap { Int($0) } ?? 0 }
}
