#if PostgreSQL
  import Foundation
  import Fleet
  import Storage
  import ThrowawayFleet

  /// 1, 2, 4 and 8 controllers over a fleet that is simulated, and a real database: how it grows, and what ends it.
  ///
  /// `certfleet-bench-simulated [HOSTS [CONTROLLERS …]]`
  @main enum SimulatedBenchmark {
    /// How many hosts each controller visits at once.
    private static let width = 256

    static func main() async throws {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if arguments.first == "controller" {
        let numbers = arguments.dropFirst(3).compactMap { Int($0) }
        return try await SimulatedController(
          number: numbers[0], folder: arguments[1], database: arguments[2], rollout: Rollout.ID(numbers[1]),
          count: numbers[2]
        ).run()
      }
      let numbers = arguments.compactMap { Int($0) }
      let hosts = numbers.first ?? 100_000
      let counts = numbers.count > 1 ? Array(numbers.dropFirst()) : [1, 2, 4, 8]
      say("controllers  visits/s   CPU ms a visit: leader  others  database  round trips  leader's MB")
      for count in counts { say(try await Measured(hosts: hosts, controllers: count).line) }
    }

    /// At once: a run takes half an hour.
    private static func say(_ line: String) {
      FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private struct Measured {
      let line: String

      init(hosts: Int, controllers count: Int) async throws {
        let server = try await PostgreSQLServer([])
        let scratch = try ScratchFolder()
        let database = try await server.makeDatabase()
        let first = try StateDirectory(path: scratch.path + "/1", database: try DatabaseLocation(database))
        let plan = SimulatedPlan.make(hosts: hosts, parallel: width * count)
        let rollout = try await Store(home: first).plan(plan, now: Date())
        for number in 1...count where number > 1 {
          try Files.makeFolder("\(scratch.path)/\(number)")
          try FileManager.default.copyItem(
            atPath: scratch.path + "/1/sealing.key", toPath: "\(scratch.path)/\(number)/sealing.key")
        }
        let before = ProcessTree.processorTime(of: server.process ?? 0)
        let running = try (1...count).map { number in
          try Running(
            CommandLine.arguments[0],
            ["controller", scratch.path, database, "\(number)", "\(rollout.number)", "\(count)"],
            stdout: "\(scratch.path)/out\(number)", stderr: "\(scratch.path)/out\(number)")
        }
        var (trips, usages) = (0.0, [Running.Usage]())
        for (index, controller) in running.enumerated() {
          let status = await controller.ended()
          let said = Files.read("\(scratch.path)/out\(index + 1)")
          guard status == 0 else { throw Program.Failed("controller \(index + 1): \(said.suffix(2000))") }
          trips += Double(said.split(separator: "\n").last ?? "") ?? 0
          usages.append(await controller.usage())
        }
        let words =
          Files.read(scratch.path + "/out1").split(separator: "\n").first?.split(separator: " ") ?? []
        guard words.first == "succeeded", let seconds = words.last.flatMap({ Double($0) }) else {
          throw Program.Failed("the rollout ended otherwise: \(Files.read(scratch.path + "/out1"))")
        }
        let spent = ProcessTree.processorTime(of: server.process ?? 0) - before
        await server.stop()
        func shown(_ value: Double, _ width: Int, _ digits: Int = 2) -> String {
          let text = value.formatted(.number.precision(.fractionLength(digits)).grouping(.never))
          return String(repeating: " ", count: max(width - text.count, 0)) + text
        }
        let all = Double(hosts)
        let others = usages.dropFirst().reduce(0) { $0 + $1.processorTime }
        line =
          shown(Double(count), 11, 0) + shown(all / seconds, 10, 0)
          + shown(usages[0].processorTime * 1000 / all, 25) + shown(others * 1000 / all, 8)
          + shown(spent * 1000 / all, 10) + shown(trips / all, 13) + shown(usages[0].peakMegabytes, 13, 0)
      }
    }
  }

  /// What a process and its children have used, also those that have ended, as proc(5) tells it.
  private enum ProcessTree {
    static func processorTime(of id: Int32) -> Double {
      let living = Files.read("/proc/\(id)/task/\(id)/children").split(separator: " ").compactMap {
        Int32($0)
      }
      return time(of: id, withEnded: true) + living.reduce(0) { $0 + time(of: $1, withEnded: false) }
    }

    private static func time(of id: Int32, withEnded: Bool) -> Double {
      // The name before it may have spaces; the state is field 3.
      let fields = Files.read("/proc/\(id)/stat").split(separator: ")").last?.split(separator: " ") ?? []
      let ticks = fields.dropFirst(11).prefix(withEnded ? 4 : 2).reduce(0) { $0 + (Double($1) ?? 0) }
      return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
  }
#else
  @main enum SimulatedBenchmark {
    static func main() { print("certfleet-bench-simulated: built without PostgreSQL") }
  }
#endif
