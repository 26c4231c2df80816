import Foundation
import ThrowawayFleet

/// `make bench`: certfleet beside what people use today, on the same machine in the same run, and beside itself with
/// fewer hosts. What counts is the ratio; a time by itself says more about the machine.
@main enum Benchmarks {
  static func main() async throws {
    let issuance = try await IssuanceBenchmark().run()
    let few = try await GrowthBenchmark().run(hosts: 1_000)
    let many = try await GrowthBenchmark().run(hosts: 10_000)
    let report = Report(
      ratios: [
        "issuance_vs_certbot": issuance.ratio, "apply_10000_vs_1000_hosts": many.apply / few.apply,
        "plan_10000_vs_1000_hosts": many.plan / few.plan,
      ],
      figures: [
        "certbot_certificates_per_second": issuance.certbot,
        "certfleet_certificates_per_second": issuance.certfleet,
        "apply_1000_hosts_seconds": few.apply, "apply_10000_hosts_seconds": many.apply,
        "plan_1000_hosts_seconds": few.plan, "plan_10000_hosts_seconds": many.plan,
      ])
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(report).write(to: URL(filePath: ".build/bench.json"))
    print("written to .build/bench.json")
  }

  private struct Report: Encodable {
    let ratios: [String: Double]
    let figures: [String: Double]
  }
}
