import Dispatch
package import Fleet
import FoundationEssentials
import Glibc
import PKI

/// The database, spoken to in the vocabulary's values: one actor, one connection, one writer.
package actor Store {
  let database: any Database
  let sealing: SealingKey
  /// Which log is ours to write, of those of several controllers.
  let chain: String
  /// Where events are that are older than the declared history.
  let historyPath: String
  private let executor = QueueExecutor()
  /// What is declared, as it was read last.
  var declared: ReadDeclaration?
  /// Of rollouts that go on. Forgotten where a transaction is taken back.
  var projections: [Rollout.ID: RolloutProjection] = [:]
  /// What `logEnd` found, or what was appended after it.
  var logEndInTransaction: LogHead?
  var isInTransaction = false
  /// Whether the log has another end than the one that is sealed.
  var isSealOwed = false
  /// What `tieLogs` has recorded.
  var lastTie = ""
  /// `nil` where there is no other controller.
  var sharing: Sharing?
  /// The last event that `projections` have taken in.
  var projectedEvent = 0
  private typealias Waiting = (write: () throws -> Void, done: CheckedContinuation<Void, any Error>)
  private var waiting: [Waiting] = []
  /// How many were written together last, and when.
  private var lastBatch = 0
  private var lastCommit: ContinuousClock.Instant?

  /// SQLite waits for the disk; that must not hold one of the few threads that everything else runs on.
  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens the home's database, bringing an older one to this version's schema.
  ///
  /// - Parameter makes: whether a server's database that is empty becomes one of ours.
  /// - Parameter acceptsCutOff: whether a log that lacks its end is opened all the same, to be looked at.
  /// - Throws: when what is in it is not what this home's controller left there.
  package init(home: StateDirectory, makes: Bool = true, acceptsCutOff: Bool = false) throws {
    historyPath = home.historyPath
    umask(0o077)
    (database, sealing) = try home.openDatabase(makes: makes)
    chain = try home.chain()
    try Self.makeIdentity(on: database, now: Date())
    try Seals.check(sealing, on: database)
    try home.keepSealingKey()
    if !acceptsCutOff, let loss = try LogChain(name: chain, database: database, sealing: sealing).cutOff() {
      throw loss
    }
  }

  /// Records an event and what follows from it; returns when it is on disk.
  package func record(_ event: Event) async throws { try await record(event, epoch: nil) }

  /// - Parameter epoch: of the visit that was taken, of those that several controllers share.
  package func record(_ event: Event, epoch: Int?) async throws {
    try await shareCommit {
      #if PostgreSQL
        try self.requireLease(for: event, epoch: epoch)
      #endif
      try self.append(event)
      #if PostgreSQL
        try self.endTask(of: event)
      #endif
    }
  }

  /// Writes, and returns when it is on disk.
  ///
  /// What arrives while the disk is busy shares the next commit, so that durability costs a sync for each batch and not for
  /// each event.
  ///
  func shareCommit(_ write: @escaping () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { done in
      waiting.append((write, done))
      if waiting.count == 1 { Task { await self.commitWaiting() } }
    }
  }

  private func commitWaiting() async {
    // Who comes alone waits for nobody.
    if lastBatch > 1, let next = lastCommit?.advanced(by: database.pace), next > .now {
      try? await Task.sleep(until: next, clock: .continuous)
    }
    let batch = waiting
    waiting = []
    (lastBatch, lastCommit) = (batch.count, .now)
    commit(batch)
  }

  /// A number that is another one once another process has written.
  package func revision() throws -> Int { try database.revision() }

  /// What is wrong with the database on the disk; empty where nothing is.
  package func damage() throws -> [String] { try database.damage() }

  /// How much is stored.
  package func bytesInUse() throws -> Int { try database.bytesInUse() }

  /// All of it, or nothing. What is taken back may be begun again: `body` changes nothing but the database.
  func transaction<Value>(_ scope: TransactionScope = .whole, _ body: () throws -> Value) throws -> Value {
    var isAgain = false
    isInTransaction = true
    defer { (isInTransaction, logEndInTransaction) = (false, nil) }
    do {
      return try database.transaction(scope) {
        if isAgain { (projections, logEndInTransaction) = ([:], nil) }
        (isAgain, isSealOwed) = (true, false)
        let value = try body()
        // Once for all that was appended.
        if isSealOwed { try log.sealEnd(try logEnd()) }
        return value
      }
    } catch {
      projections = [:]
      #if PostgreSQL
        if let error = error as? PostgreSQLError, error.state == PostgreSQLError.leaseLost {
          throw LeaseLost(description: error.message)
        }
      #endif
      throw error
    }
  }

  private func commit(_ batch: [Waiting]) {
    let result = Result {
      try transaction(.recording(chain)) {
        for item in batch { try item.write() }
      }
    }
    // One that is refused takes no other with it; without a database all are.
    if case .failure(let error) = result, batch.count > 1, !error.isLostDatabase {
      for item in batch { commit([item]) }
    } else {
      for item in batch { item.done.resume(with: result) }
    }
  }
}

extension Error {
  fileprivate var isLostDatabase: Bool {
    #if PostgreSQL
      if self is PostgreSQLConnection.CommitUnknown { return true }
      return (self as? PostgreSQLError)?.isConnectionLost ?? false
    #else
      return false
    #endif
  }
}

/// Runs an actor's jobs on a dispatch queue: Dispatch on Linux has no executor of its own.
private final class QueueExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "certfleet.store")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}

/// Whether a stored text says this value, in whichever of the ways in which it may be written. One that cannot be read says another.
func holds<Value: Codable & Equatable>(_ stored: String, _ value: Value) throws -> Bool {
  if stored == (try FleetJSON.canonical(value)) { return true }
  return (try? FleetJSON.decode(stored, as: Value.self)) == value
}
