import Foundation
import ThrowawayFleet

/// `make bench`: certfleet beside what people use today, on the same machine in the same run, and beside itself with
/// fewer hosts. What counts is the ratio; a time by itself says more about the machine.
@main enum Benchmarks {
  static func main() async {
    do {
      try await run()
    } catch {
      Said.line("certfleet-bench: \(error)")
      exit(1)
    }
  }

  private static func run() async throws {
    if CommandLine.arguments.contains("certificates") {
      Said.line("400 beside 100: \(try await ManyCertificates.ratio())")
      return
    }
    if CommandLine.arguments.contains("report") {
      _ = try await ReportBenchmark().run(hosts: 1_000)
      _ = try await ReportBenchmark().run(hosts: 10_000)
      return
    }
    guard Sandbox.isEntered else {
      if !["memory", "look", "shared"].contains(where: CommandLine.arguments.contains) {
        try await Peers.install()
      }
      try Sandbox.enter()
    }
    try await Sandbox.prepare()
    let scene = try await FleetScene()
    if CommandLine.arguments.contains("look") {
      let looks = try await LookBenchmark(scene).run()
      await scene.stop()
      for run in looks.runs { Said.line(run.line) }
      return Said.line("\(looks.ratios)")
    }
    if CommandLine.arguments.contains("shared") {
      let shared = try await SharedBenchmark(scene).run()
      await scene.stop()
      for run in shared.runs { Said.line(run.line) }
      return Said.line("\(shared.ratios)")
    }
    if CommandLine.arguments.contains("memory") {
      let wide = try await scene.certfleet(hosts: 1000, width: 256, as: "certfleet, 256 at once")
      await scene.stop()
      return Said.line(Measured.header + "\n" + wide.line)
    }
    var fleet = FleetBenchmark(scene)
    try await fleet.run()
    let trips = try await RoundTrips.ofAVisit(scene)
    let hostile = try await HostileHosts(scene).run()
    let looks = try await LookBenchmark(scene).run()
    let shared = try await SharedBenchmark(scene).run()
    await scene.stop()
    let issuance = try await IssuanceBenchmark().run()
    let certificates = try await ManyCertificates.ratio()
    let few = try await GrowthBenchmark().run(hosts: 1_000)
    let many = try await GrowthBenchmark().run(hosts: 10_000)
    let (small, large) = (
      try await ReportBenchmark().run(hosts: 1_000), try await ReportBenchmark().run(hosts: 10_000)
    )
    let report = Report(
      runs: fleet.runs + looks.runs + shared.runs + [small.text, small.page, large.text, large.page],
      ratios: fleet.ratios.merging(looks.ratios) { $1 }.merging(shared.ratios) { $1 }.merging([
        "round_trips_of_a_visit": trips, "beside_5_hostile_of_200": hostile,
        "issuance_vs_certbot": issuance.ratio, "certificates_400_vs_100": certificates,
        "apply_10000_vs_1000_hosts": many.apply / few.apply, "plan_10000_vs_1000_hosts": many.plan / few.plan,
        "report_10000_vs_1000_hosts": large.text.wall / small.text.wall,
        "report_vs_sqlite3_reading": large.text.wall / large.rows,
      ]) { $1 },
      figures: [
        "certbot_certificates_per_second": issuance.certbot,
        "certfleet_certificates_per_second": issuance.certfleet,
        "apply_1000_hosts_seconds": few.apply, "apply_10000_hosts_seconds": many.apply,
        "plan_1000_hosts_seconds": few.plan, "plan_10000_hosts_seconds": many.plan,
      ])
    try report.write()
  }

  private struct Report: Encodable {
    let runs: [Measured]
    let ratios: [String: Double]
    let figures: [String: Double]

    /// At most, by what we promise; each of one run.
    private static let bounds = [
      "wall_vs_raw_c": 1.15, "wall_vs_parallel_ssh": 1.0, "wall_by_ssh_vs_clush": 1.1,
      "wall_vs_ansible": 0.05, "cpu_vs_raw_c": 2.5,
      "rss_mb": 48, "growth_50_to_1000": 1.2, "round_trips_of_a_visit": 3, "beside_5_hostile_of_200": 1.05,
      "certificates_400_vs_100": 5, "look_vs_rollout": 0.5, "look_endpoints_vs_openssl": 1.5,
      "postgresql_vs_sqlite_wall": 1.2, "postgresql_vs_sqlite_cpu": 1.5, "database_round_trips_a_visit": 5,
      "report_vs_sqlite3_reading": 4, "report_10000_vs_1000_hosts": 10,
    ]

    func write() throws {
      for (name, value) in ratios.sorted(by: { $0.key < $1.key }) {
        let bound = Self.bounds[name].map { value <= $0 ? "(at most \($0))" : "MORE than \($0)" } ?? ""
        let shown = value.formatted(.number.precision(.fractionLength(2)).grouping(.never))
        Said.line(name.padding(toLength: 30, withPad: " ", startingAt: 0), shown, bound)
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(self).write(to: URL(filePath: ".build/bench.json"))
      Said.line("written to .build/bench.json")
    }
  }
}
