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
  /// So that not every run makes a file of a few events.
  private static let patience = 86400.0

  /// Moves what is older than declared into a file, where there is a day's worth of it.
  ///
  /// - Returns: how many events.
  package func archiveHistory(now: Date) throws -> Int {
    guard let keep = try (setting(.history) as HistoryKeeping?)?.keep.seconds else { return 0 }
    // Each controller archives its own.
    let chain = DatabaseValue.text(chain)
    let oldest = try database.rows(
      "SELECT number, at FROM event WHERE chain = ? ORDER BY id LIMIT 1", [chain]
    ) {
      ($0.integer(0), $0.moment(1))
    }
    guard let (first, at) = oldest.first, now.timeIntervalSince(at) > keep + Self.patience else { return 0 }
    let before = DatabaseValue.moment(now.addingTimeInterval(-keep))
    // A beginning of the log without a gap; its last event stays.
    let last =
      try database.rows(
        """
        SELECT COALESCE((SELECT MIN(number) FROM event WHERE chain = ? AND at >= ?),
          (SELECT MAX(number) FROM event WHERE chain = ?)) - 1
        """, [chain, before, chain]
      ) { $0.integer(0) }.first ?? 0
    guard last >= first else { return 0 }
    let (count, hash) = try write(first, through: last)
    try transaction {
      try database.letEventsGo {
        try database.run("DELETE FROM event WHERE chain = ? AND number <= ?", [chain, .integer(last)])
      }
      try log.sealStart(LogHead(number: last, hash: hash))
    }
    return count
  }

  private func write(_ first: Int, through last: Int) throws -> (count: Int, hash: String) {
    let folder = archiveFolder(of: chain)
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var (text, count, hash) = (Data(), 0, "")
    try database.run(
      """
      SELECT number, at, rollout, wave, host, attempt, lineage, kind, hash FROM event
      WHERE chain = ? AND number <= ? ORDER BY id
      """, [.text(chain), .integer(last)]
    ) { row in
      let event = ArchivedEvent(row: row)
      text += Data((try FleetJSON.canonical(event) + "\n").utf8)
      (count, hash) = (count + 1, event.hash)
    }
    for name in archives(in: folder) where name.firstEvent >= first {
      // Of a crash before it was noted, or of the state that was here before this one was restored.
      rename("\(folder)/\(name)", "\(folder)/\(name).former")
    }
    let path = "\(folder)/events-\(first)-\(last).jsonl"
    try text.write(to: URL(filePath: path + ".new"))
    chmod(path + ".new", 0o600)
    guard rename(path + ".new", path) == 0 else { throw Missing(what: path) }
    sync()
    return (count, hash)
  }

  func archiveFolder(of chain: String) -> String {
    chain.isEmpty ? historyPath : "\(historyPath)/\(chain)"
  }

  /// The files in their order.
  private func archives(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
      $0.hasPrefix("events-") && $0.hasSuffix(".jsonl")
    }.sorted { $0.naturallyPrecedes($1) }
  }

  /// Walks a chain through the files, up to where the database goes on.
  func verifyArchives(of chain: String, upTo start: LogHead, _ check: inout LogCheck) {
    let folder = archiveFolder(of: chain)
    var head = LogHead.empty
    for name in archives(in: folder) {
      let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        guard let event = try? FleetJSON.decode(String(decoding: line, as: UTF8.self), as: ArchivedEvent.self)
        else {
          check.firstAltered = head.number + 1
          return
        }
        // A file that was made again after a crash, or after the backup that this state comes from.
        guard event.id > head.number, event.id <= start.number else { continue }
        guard event.fields?.hash(after: head.hash) == event.hash else {
          check.firstAltered = event.id
          return
        }
        head = LogHead(number: event.id, hash: event.hash)
        check.archived += 1
      }
    }
    if head != start { check.missingArchive = start.number }
  }
}

extension String {
  /// `events-FIRST-LAST.jsonl`
  fileprivate var firstEvent: Int { split(separator: "-").dropFirst().first.flatMap { Int($0) } ?? 0 }
}
