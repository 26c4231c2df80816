import Engine
import Fleet
import Foundation
import Planning
import Storage
import Testing
import ThrowawayFleet
import struct Fleet.Host

/// Random plans, failures, crashes and commands, through engine and store.
@Suite struct ModelTests {
  /// One of them again: CERTFLEET_MODEL_SEED=… swift test --filter ModelTests
  private static let seeds: [UInt64] =
    ProcessInfo.processInfo.environment["CERTFLEET_MODEL_SEED"].flatMap(UInt64.init).map { [$0] }
    ?? (0..<2000).map { _ in UInt64.random(in: 0...UInt64.max) }

  @Test func `whatever happens, waves go in order, budgets hold, and what is stored is what was told`()
    async throws
  {
    let scratch = try MemoryFolder()
    try await run(Self.seeds, in: try StateDirectory(path: scratch.path + "/state"))
  }

  #if PostgreSQL
    @Test func `it is the same on PostgreSQL`() async throws {
      let scratch = try ScratchFolder()
      let server = try await PostgreSQLServer()
      let database = try DatabaseLocation(try await server.makeDatabase())
      let home = try StateDirectory(path: scratch.path + "/state", database: database)
      try await run(Self.seeds.prefix(200), in: home)
    }
  #endif

  private func run(_ seeds: some Collection<UInt64>, in home: StateDirectory) async throws {
    var tally: [String: Int] = [:]
    var crashes = 0
    for seed in seeds {
      let run = try await ModelRun(seed: seed, home: home).carryOut()
      tally[run.state.words, default: 0] += 1
      crashes += run.crashes
      #expect(run.faults.isEmpty, "seed \(seed): \(run.faults.joined(separator: "; "))")
      if !run.faults.isEmpty { break }
    }
    let ends = tally.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    print("the model ran \(seeds.count) rollouts with \(crashes) crashes: \(ends)")
  }
}

/// A folder in memory: what is tried here is the order of what is kept, not the disk.
private final class MemoryFolder {
  let path: String

  init() throws {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
    path = parent + "certfleet-model-\(getpid())"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
