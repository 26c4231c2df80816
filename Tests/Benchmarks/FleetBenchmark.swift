import Foundation
import ThrowawayFleet

/// A whole rollout beside the limit and beside lesser jobs of others, on the same hosts in the same run.
struct FleetBenchmark {
  private(set) var runs: [Measured] = []
  private(set) var ratios: [String: Double] = [:]
  private let scene: FleetScene

  /// The best of so many: what else the machine does only makes it longer.
  private static let tries = 3

  init(_ scene: FleetScene) { self.scene = scene }

  mutating func run() async throws {
    Said.line(Measured.header)
    let peers = try Peers(scene)
    var (ours, limit): ([Int: Measured], [Int: Measured]) = ([:], [:])
    var parallelSSH: Measured?
    for hosts in [50, 200, 1000] {
      // By turns, so that a slow minute of the machine is everybody's.
      for _ in 1...(hosts > 500 ? 2 : Self.tries) {
        limit[hosts] = best(limit[hosts], try await scene.raw(hosts: hosts))
        ours[hosts] = best(ours[hosts], try await scene.certfleet(hosts: hosts))
        if hosts == 200 { parallelSSH = best(parallelSSH, try await peers.parallelSSH(hosts: hosts)) }
      }
      for run in [limit[hosts], ours[hosts]] { note(run) }
    }
    let wide = try await scene.certfleet(hosts: 1000, width: 256, as: "certfleet, 256 at once")
    let ansible = try await peers.ansible(hosts: 50)
    var (bySSH, clush): (Measured?, Measured?) = (nil, nil)
    for _ in 1...Self.tries {
      bySSH = best(
        bySSH, try await scene.certfleet(hosts: 50, by: "ssh", as: "certfleet, by the system's ssh"))
      clush = best(clush, try await peers.clush(hosts: 50))
    }
    for run in [wide, parallelSSH, bySSH, clush, ansible] { note(run) }
    guard let (few, some, many) = Self.three(ours), let (_, someC, manyC) = Self.three(limit),
      let parallelSSH, let bySSH, let clush
    else { return }
    ratios = [
      "wall_vs_raw_c": max(some.wall / someC.wall, many.wall / manyC.wall),
      "cpu_vs_raw_c": max(
        some.processorTime / someC.processorTime, many.processorTime / manyC.processorTime),
      "wall_vs_parallel_ssh": some.wall / parallelSSH.wall, "wall_vs_ansible": few.wall / ansible.wall,
      "wall_by_ssh_vs_clush": bySSH.wall / clush.wall, "rss_mb": wide.peakMegabytes,
      "growth_50_to_1000": (many.wall / 1000) / (few.wall / 50),
    ]
  }

  private static func three(_ runs: [Int: Measured]) -> (Measured, Measured, Measured)? {
    guard let few = runs[50], let some = runs[200], let many = runs[1000] else { return nil }
    return (few, some, many)
  }

  private func best(_ one: Measured?, _ other: Measured) -> Measured {
    one.map { $0.wall < other.wall ? $0 : other } ?? other
  }

  private mutating func note(_ run: Measured?) {
    guard let run else { return }
    Said.line(run.line)
    runs.append(run)
  }
}
