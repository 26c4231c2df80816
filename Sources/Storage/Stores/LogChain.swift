import Fleet
package import FoundationEssentials
import PKI

/// The log of one controller: each event carries a hash over itself and the one before, and seals say where it begins and ends. Where one
/// controller has the state to itself there is one log, without a name.
struct LogChain {
  let name: String
  let database: any Database
  let sealing: SealingKey

  private static let (start, end) = ("log start", "log head")

  private func seal(_ what: String) -> String { name.isEmpty ? what : "\(what) of \(name)" }

  /// Those that have a seal or an event.
  static func all(in database: any Database) throws -> [String] {
    Set(try sealed(in: database) + database.rows("SELECT DISTINCT chain FROM event") { $0.text(0) }).sorted()
  }

  static func sealed(in database: any Database) throws -> [String] {
    try database.rows("SELECT name FROM seal") { $0.text(0) }.compactMap { seal in
      seal == end ? "" : seal.hasPrefix("\(end) of ") ? String(seal.dropFirst("\(end) of ".count)) : nil
    }
  }

  /// The event before the first one in the database.
  func first() throws -> LogHead {
    guard let sealed = try opened(seal(Self.start)) else { return .empty }
    let words = sealed.reveal().split(separator: " ").map(String.init)
    return LogHead(number: Int(words.first ?? "") ?? 0, hash: words.last ?? "")
  }

  func last() throws -> LogHead {
    let last = try database.rows(
      "SELECT number, hash FROM event WHERE chain = ? ORDER BY id DESC LIMIT 1", [.text(name)]
    ) { LogHead(number: $0.integer(0), hash: $0.text(1)) }
    return last.first ?? .empty
  }

  func sealStart(_ head: LogHead) throws {
    try Seals.set(seal(Self.start), head.secret, on: database, sealing)
  }
  func sealEnd(_ head: LogHead) throws { try Seals.set(seal(Self.end), head.secret, on: database, sealing) }

  private func opened(_ seal: String) throws -> Secret? {
    try database.rows("SELECT value FROM seal WHERE name = ?", [.text(seal)]) { $0.blob(0) }.first.map {
      try sealing.open($0, for: seal)
    }
  }

  /// Whether it ends where it ended when its controller recorded the last event.
  func cutOff() throws -> LogCutOff? {
    // One question, so that no event of another process comes in between.
    let newest = "FROM event WHERE chain = ? ORDER BY id DESC LIMIT 1"
    let found = try database.rows(
      "SELECT (SELECT value FROM seal WHERE name = ?), (SELECT number \(newest)), (SELECT hash \(newest))",
      [.text(seal(Self.end)), .text(name), .text(name)]
    ) {
      (
        $0.isNull(0) ? nil : $0.blob(0),
        LogHead(number: $0.optionalInteger(1) ?? 0, hash: $0.optionalText(2) ?? "")
      )
    }
    guard let (sealed, last) = found.first else { return nil }
    // One of several that has recorded nothing yet.
    if sealed == nil, !name.isEmpty, last == .empty { return nil }
    let opened = try? sealed.map { try sealing.open($0, for: seal(Self.end)) }
    guard opened != last.secret else { return nil }
    return LogCutOff(recorded: opened.flatMap { Int($0.reveal().prefix { $0 != " " }) }, found: last.number)
  }

  /// Walks what is in the database, a row at a time: a log of years does not fit into memory.
  ///
  /// - Parameter tied: hears where other chains ended, as it is recorded in this one.
  /// - Returns: how many events are what was recorded, and the first that is not.
  func walk(
    after start: LogHead, tied: (LogTie) -> Void = { _ in }
  ) throws -> (count: Int, firstAltered: Int?) {
    var (previous, count, altered) = (start.hash, 0, Int?.none)
    try database.run(
      "SELECT number, at, rollout, wave, host, attempt, lineage, kind, hash FROM event WHERE chain = ? ORDER BY id",
      [.text(name)]
    ) { row in
      guard altered == nil else { return }
      let hash = row.text(8)
      guard LoggedEvent.Fields(row: row).hash(after: previous) == hash else {
        altered = row.integer(0)
        return
      }
      (previous, count) = (hash, count + 1)
      if row.isNull(4), case .note(.tied, let text)? = try? row.json(7) as Event.Kind {
        text.split(separator: " ").compactMap(LogTie.init).forEach(tied)
      }
    }
    return (count, altered)
  }

  /// Whether what was recorded of it elsewhere is in it, or lies in files.
  func holds(_ tie: LogTie) throws -> Bool {
    if tie.end.number <= (try first().number) { return true }
    return try database.rows(
      "SELECT hash FROM event WHERE chain = ? AND number = ?", [.text(name), .integer(tie.end.number)]
    ) { $0.text(0) }.first == tie.end.hash
  }
}

/// Where a chain ended, as another one tells it: `CHAIN/NUMBER/HASH`.
struct LogTie: CustomStringConvertible {
  let chain: String
  let end: LogHead

  init(_ chain: String, _ end: LogHead) { (self.chain, self.end) = (chain, end) }

  init?(_ text: Substring) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let number = Int(parts[1]) else { return nil }
    (chain, end) = (parts[0], LogHead(number: number, hash: parts[2]))
  }

  var description: String { "\(chain)/\(end.number)/\(end.hash)" }
}

extension Store {
  /// Records where the logs of the other controllers end, where that is another place than when it was recorded last.
  package func tieLogs(now: Date) throws {
    try transaction(.recording(chain)) {
      let ties = try LogChain.sealed(in: database).filter { $0 != chain }.map { name in
        LogTie(name, try LogChain(name: name, database: database, sealing: sealing).last())
      }.filter { $0.end != .empty }
      let text = ties.map(\.description).joined(separator: " ")
      guard !ties.isEmpty, text != lastTie else { return }
      try append(Event(at: now, subject: .init(), kind: .note(.tied, text: text)))
      lastTie = text
    }
  }
}

/// The event that a chain ends with, or a part of it.
struct LogHead: Hashable {
  let number: Int
  let hash: String

  static let empty = LogHead(number: 0, hash: "")
  var secret: Secret { Secret("\(number) \(hash)") }
}
