import Foundation
import ThrowawayFleet

/// One run of a program over hosts, and what it took.
struct Measured: Encodable {
  let name: String
  let hosts: Int
  let wall: Double
  /// Of the program and what it has waited for, not of the hosts.
  let processorTime: Double
  let peakMegabytes: Double
  let said: String

  init(
    _ name: String, hosts: Int, _ path: String, _ arguments: [String], environment: [String: String] = [:],
    stdin: String = ""
  ) async throws {
    let scratch = try ScratchFolder()
    let (input, output) = (try scratch.write("in", stdin), scratch.path + "/out")
    let started = ContinuousClock.now
    let running = try Running(
      path, arguments, environment: environment, stdin: input, stdout: output, stderr: output)
    let status = await running.ended()
    let taken = started.duration(to: .now).components
    let usage = await running.usage()
    self.name = name
    self.hosts = hosts
    wall = Double(taken.seconds) + Double(taken.attoseconds) / 1e18
    processorTime = usage.processorTime
    peakMegabytes = usage.peakMegabytes
    said = Files.read(output)
    guard status == 0 else { throw Program.Failed("\(name) ended with \(status): \(said.suffix(3000))") }
  }

  var millisecondsPerHost: Double { processorTime * 1000 / Double(hosts) }

  enum CodingKeys: String, CodingKey {
    case name, hosts
    case wall = "wall_s"
    case processorTime = "cpu_ms_per_host"
    case peakMegabytes = "rss_mb"
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(hosts, forKey: .hosts)
    try values.encode(wall, forKey: .wall)
    try values.encode(millisecondsPerHost, forKey: .processorTime)
    try values.encode(peakMegabytes, forKey: .peakMegabytes)
  }

  var line: String {
    func shown(_ value: Double, _ digits: Int) -> String {
      value.formatted(.number.precision(.fractionLength(digits)).grouping(.never))
    }
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(width - text.count, 0)) + text
    }
    return name.padding(toLength: 34, withPad: " ", startingAt: 0) + right(String(hosts), 6)
      + right(shown(wall, 2), 9) + right(shown(millisecondsPerHost, 2), 10)
      + right(shown(peakMegabytes, 0), 8)
  }

  static let header =
    "                                   hosts   wall s    CPU ms  memory\n                                                 a host      MB"
}
