import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Storage

/// Somebody who can write the database and has not the sealing key, or a slip of a person's hand.
@Suite struct StateAttackTests {
  private let scratch: ScratchFolder
  private let home: StateDirectory

  init() throws {
    scratch = try ScratchFolder()
    home = try StateDirectory(path: scratch.path + "/state")
  }

  private func sql(_ text: String) async throws {
    try await Program.succeed(try Program.find("sqlite3"), [home.databasePath, text])
  }

  private func pair(_ name: String) async throws -> (CertificateChain, CertificateKey) {
    let folder = scratch.path + "/" + name
    try Files.makeFolder(folder)
    try await SelfSigned.make(name, in: folder)
    return (
      try CertificateChain(pem: Files.read(folder + "/cert.pem")),
      .held(try PrivateKey(pem: Secret(Files.read(folder + "/key.pem"))))
    )
  }

  /// Two generations of a certificate.
  private func store() async throws -> Store {
    let store = try Store(home: home)
    for name in ["one.example", "two.example"] {
      let (chain, key) = try await pair(name)
      _ = try await store.add(chain, key: key, to: "c", now: Date())
    }
    return store
  }

  @Test(arguments: [
    "SET chain = (SELECT chain FROM certificate WHERE generation = 1)",
    "SET key = (SELECT key FROM certificate WHERE generation = 1)",
    "SET facts = (SELECT facts FROM certificate WHERE generation = 1)",
    "SET facts = json_set(facts, '$.not_after', '2286-11-20T17:46:39Z')",
    "SET seal = (SELECT seal FROM certificate WHERE generation = 1)",
    "SET seal = NULL", "SET key = NULL, host_key = 'k', request = x'00'",
    "SET (facts, chain, key, seal) = (SELECT facts, chain, key, seal FROM certificate WHERE generation = 1)",
  ])
  func `a certificate that is not as it was stored is not taken`(change: String) async throws {
    let store = try await store()
    _ = try await store.material(of: "c", Generation(2))
    try await sql("UPDATE certificate \(change) WHERE generation = 2")
    await #expect(throws: AlteredCertificate.self) { try await store.material(of: "c", Generation(2)) }
    _ = try await store.material(of: "c", Generation(1))
  }

  @Test func `keys that no host and no way back needs are erased, and nothing else`() async throws {
    let store = try await store()
    for name in ["three.example", "four.example", "five.example"] {
      let (chain, key) = try await pair(name)
      _ = try await store.add(chain, key: key, to: "c", now: Date())
    }
    // One host was never brought further than the first.
    try await sql(
      "INSERT INTO placement (host, lineage, generation, active_at, kept_at) VALUES ('h', 'c', 1, 1, 1)")
    #expect(try await store.eraseSpentKeys(now: Date()) == 1)
    await #expect(throws: Store.KeyErased(lineage: "c", generation: Generation(2))) {
      try await store.material(of: "c", Generation(2))
    }
    for number in [1, 3, 4, 5] { _ = try await store.material(of: "c", Generation(number)) }
    #expect(try await store.eraseSpentKeys(now: Date()) == 0)
    #expect(try await store.certificates(of: "c").count == 5)
    // It goes back to what it was left with as long as it has it there.
    try await sql(
      "UPDATE placement SET gone_at = 2; INSERT INTO placement (host, lineage, generation, active_at, kept_at) VALUES ('h', 'c', 5, 2, 2)"
    )
    #expect(try await store.eraseSpentKeys(now: Date()) == 0)
    try await sql(
      "INSERT INTO placement (host, lineage, generation, active_at, kept_at) VALUES ('h', 'c', 6, 3, 3), ('h', 'c', 7, 4, 4)"
    )
    #expect(try await store.eraseSpentKeys(now: Date()) == 1)
    await #expect(throws: Store.KeyErased.self) { try await store.material(of: "c", Generation(1)) }
    #expect(try await store.verifyLog().cutOff == nil)
  }

  @Test func `events older than the history go into files that the chain still vouches for`() async throws {
    let store = try await store()
    let now = Date()
    _ = try await store.apply(
      FleetDeclaration(history: HistoryKeeping(keep: .seconds(400 * 86400))), prune: false, dryRun: false,
      now: now)
    #expect(try await store.archiveHistory(now: now) == 0)
    // As if two years had gone by since.
    let later = now.addingTimeInterval(730 * 86400)
    #expect(try await store.archiveHistory(now: later) == 2)
    #expect(try await store.events().count == 1)
    #expect(
      try await store.verifyLog()
        == {
          var check = Store.LogCheck(count: 3); check.archived = 2; return check
        }())
    // Opened again, and gone on with.
    let again = try Store(home: home)
    try await again.record(Event(at: later, subject: .init(host: "h"), kind: .note(.pinned, text: "")))
    #expect(try await again.verifyLog().count == 4)
    let file = home.path + "/history/events-1-2.jsonl"
    let text = Files.read(file)
    try Files.write(file, text.replacing("generation 2", with: "generation 9"))
    #expect(try await again.verifyLog().firstAltered == 2)
    try FileManager.default.removeItem(atPath: file)
    #expect(try await again.verifyLog().missingArchive == 2)
    try Files.write(file, text)
    #expect(try await again.verifyLog().missingArchive == nil)
    // What was moved after the backup that a state was restored from is none of its own.
    try Files.write(
      home.path + "/history/events-3-3.jsonl",
      String(text.split(separator: "\n")[0]).replacing("\"id\":1,", with: "\"id\":3,"))
    #expect(try await again.verifyLog().missingArchive == nil)
    #expect(try await again.verifyLog().firstAltered == nil)
    // And is set aside when this state comes to those numbers.
    let muchLater = later.addingTimeInterval(730 * 86400)
    try await again.record(Event(at: muchLater, subject: .init(host: "h"), kind: .note(.pinned, text: "")))
    #expect(try await again.archiveHistory(now: muchLater) == 2)
    let whole = try await again.verifyLog()
    #expect(whole.firstAltered == nil && whole.missingArchive == nil && whole.archived == 4)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: home.path + "/history").sorted()
        == ["events-1-2.jsonl", "events-3-3.jsonl.former", "events-3-4.jsonl"])
  }

  private static let toSchema5 =
    "DROP TABLE seal; DROP TABLE learned_way; DROP TABLE observation; DROP TABLE controller; DROP TABLE setting; DROP TABLE plan_part; DROP TABLE planned_visit; ALTER TABLE certificate DROP COLUMN seal; ALTER TABLE event DROP COLUMN chain; ALTER TABLE event DROP COLUMN number; PRAGMA user_version = 5;"
    + ["event", "rollout", "certificate"].map { "ALTER TABLE \($0) DROP COLUMN form;" }.joined()

  @Test func `another sealing key is told at once`() async throws {
    _ = try await store()
    let path = home.path + "/sealing.key"
    try Data(repeating: 7, count: SealingKey.size).write(to: URL(filePath: path))
    #expect(throws: OtherSealingKey.self) { try Store(home: home) }
    // Also where the database comes from a version that had no seals.
    try await sql(Self.toSchema5)
    #expect(throws: OtherSealingKey.self) { try Store(home: home) }
  }

  @Test func `a database of the version before is sealed as it is`() async throws {
    _ = try await store()
    try await sql(Self.toSchema5)
    let store = try Store(home: home)
    _ = try await store.material(of: "c", Generation(2))
    #expect(try await store.verifyLog() == .init(count: 2))
  }

  @Test(arguments: [
    ("DELETE FROM event WHERE id > 1", 1), ("DELETE FROM event", 0),
    (
      "DELETE FROM event WHERE id > 1; INSERT INTO event (id, number, at, kind, hash) VALUES (2, 2, 1, '{\"rolloutStarted\":{}}', 'x')",
      2
    ),
  ])
  func `a log that lacks its end is found at the start and by looking`(change: String, found: Int)
    async throws
  {
    let store = try await store()
    try await sql("DROP TRIGGER event_is_never_removed; \(change)")
    let expected = LogCutOff(recorded: 2, found: found)
    #expect(try await store.verifyLog().cutOff == expected)
    #expect(throws: expected) { try Store(home: home) }
    let opened = try Store(home: home, acceptsCutOff: true)
    try await opened.acceptLoss(by: "root", now: Date())
    #expect(try await opened.verifyLog().cutOff == nil)
    #expect(
      try await Store(home: home).events().last?.event.kind
        == .note(.lossAccepted, text: "by root: 2 recorded, \(found) there"))
  }

  @Test func `a seal of the log's end that is gone, or of before, is told`() async throws {
    _ = try await store()
    try await sql("CREATE TABLE aside AS SELECT * FROM seal WHERE name = 'log head'")
    let store = try Store(home: home)
    try await store.record(Event(at: Date(), subject: .init(), kind: .note(.applied, text: "more")))
    try await sql("UPDATE seal SET value = (SELECT value FROM aside) WHERE name = 'log head'")
    #expect(throws: LogCutOff(recorded: 2, found: 3)) { try Store(home: home) }
    try await sql("DELETE FROM seal WHERE name = 'log head'")
    #expect(throws: LogCutOff(recorded: nil, found: 3)) { try Store(home: home) }
  }

  @Test func `a database that is gone, or empty, is not made anew without a word`() async throws {
    _ = try await store()
    for change in ["rm certfleet.db", ": >certfleet.db"] {
      try await Program.succeed("/bin/sh", ["-c", "cd '\(home.path)' && \(change)"])
      #expect { try Store(home: home) } throws: { "\($0)".contains("is missing or empty, and there was one") }
    }
  }

  @Test func `killed before there is a database, the next start goes on with the same key`() throws {
    let key = try home.sealingKey(isNew: true)
    let sealed = try key.seal(Secret("x"), for: "y")
    #expect(FileManager.default.fileExists(atPath: home.path + "/sealing.key.new"))
    _ = try Store(home: home)
    #expect(try home.sealingKey(isNew: false).open(sealed, for: "y") == Secret("x"))
    #expect(!FileManager.default.fileExists(atPath: home.path + "/sealing.key.new"))
  }

  @Test func `a lease that is a link, or somebody else's second name, empties nothing`() throws {
    let victim = try scratch.write("victim", "precious\n")
    for make in [symlink, link] {
      unlink(home.path + "/lease")
      #expect(make(victim, home.path + "/lease") == 0)
      #expect(throws: StateDirectory.Unsafe.self) { try ControllerLease(home: home, now: Date()) }
      #expect(Files.read(victim) == "precious\n")
    }
    unlink(home.path + "/lease")
    mkfifo(home.path + "/lease", 0o600)
    #expect(throws: StateDirectory.Unsafe.self) { try ControllerLease(home: home, now: Date()) }
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give folders away"))
  func `a state folder that somebody else could exchange is refused before anything is made`() async throws {
    let above = scratch.path + "/above"
    try Files.makeFolder(above)
    chmod(scratch.path, 0o755)
    func refused(_ path: String, _ reason: String) {
      #expect { try StateDirectory(path: path) } throws: { "\($0)".contains(reason) }
    }
    chown(above, 1, 1)
    refused(
      above + "/state",
      "\(above) belongs to uid 1, who could put something else there; mend it: chown 0 \(above)")
    chown(above, 0, 0)
    chmod(above, 0o777)
    refused(above + "/state", "\(above) can be written by others; mend it: chmod o-w \(above)")
    chmod(above, 0o775)
    chown(above, 0, 1)
    refused(above + "/state", "can be written by the group 1")
    chown(above, 0, 0)
    try await Program.succeed(try Program.find("setfacl"), ["-m", "u:daemon:rwx", above])
    refused(above + "/state", "can be written by uid 1 by its access list; mend it: setfacl -b")
    try await Program.succeed(try Program.find("setfacl"), ["-b", above])
    symlink(scratch.path + "/real", above + "/link")
    lchown(above + "/link", 1, 1)
    refused(above + "/link", "belongs to uid 1, who could put something else there; mend it: chown -h 0")
    #expect(try FileManager.default.contentsOfDirectory(atPath: above) == ["link"])
    // Under a folder where everybody may put things, as /tmp, and through root's own link.
    lchown(above + "/link", 0, 0)
    try Files.makeFolder(scratch.path + "/real")
    chmod(above, 0o1777)
    chmod(scratch.path + "/real", 0o700)
    _ = try StateDirectory(path: above + "/link")
    _ = try StateDirectory(path: above + "/state")
  }
}
