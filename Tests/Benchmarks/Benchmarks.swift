import Foundation
import ThrowawayFleet

/// `make bench`: certfleet beside what people use today, on the same machine in the same run. What counts is the
/// ratio; a time by itself says more about the machine.
@main enum Benchmarks {
  static func main() async throws {
    let issuance = try await IssuanceBenchmark().run()
    let report = Report(
      ratios: ["issuance_vs_certbot": issuance.ratio],
      figures: [
        "certbot_certificates_per_second": issuance.certbot,
        "certfleet_certificates_per_second": issuance.certfleet,
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
