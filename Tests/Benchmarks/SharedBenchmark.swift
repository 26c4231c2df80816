import Foundation
import ThrowawayFleet

/// One controller with PostgreSQL beside one with SQLite, over the same hosts, both databases on this machine's disk.
struct SharedBenchmark {
  private let scene: FleetScene
  private static let hosts = 1000
  private static let tries = 2

  init(_ scene: FleetScene) { self.scene = scene }

  func run() async throws -> (runs: [Measured], ratios: [String: Double]) {
    let server = try await PostgreSQLServer([])
    var (file, shared): (Measured?, Measured?) = (nil, nil)
    func best(_ one: Measured?, _ other: Measured) -> Measured {
      one.map { $0.wall < other.wall ? $0 : other } ?? other
    }
    for _ in 1...Self.tries {
      file = best(file, try await scene.certfleet(hosts: Self.hosts, as: "certfleet, SQLite"))
      shared = best(
        shared,
        try await scene.certfleet(
          hosts: Self.hosts, as: "certfleet, PostgreSQL", database: try await server.makeDatabase()))
    }
    guard let file, let shared else { return ([], [:]) }
    let told = try await scene.certfleet(
      hosts: Self.hosts, as: "", database: try await server.makeDatabase(), options: ["--verbose"])
    let trips = told.said.matches(of: /the database was waited for ([0-9]+) times/).first.flatMap {
      Double($0.1)
    }
    await server.stop()
    return (
      [file, shared],
      [
        "postgresql_vs_sqlite_wall": shared.wall / file.wall,
        "postgresql_vs_sqlite_cpu": shared.processorTime / file.processorTime,
        "database_round_trips_a_visit": (trips ?? .infinity) / Double(Self.hosts),
      ]
    )
  }
}
