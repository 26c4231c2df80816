import Foundation
import Testing
import ThrowawayFleet

/// Where the agent can be killed (-9) so that it leaves something else on the disk each time. bash tells each command before it
/// runs it (its DEBUG trap), so a visit is first traced: every line, at the first and at the last time that it is reached; of
/// points between which nothing on the disk changes one is enough.
struct KillPoints: Sendable {
  static let tracer = Shell(words: ["bash", "--posix"])

  struct Point: Hashable, Sendable, CustomStringConvertible {
    let line: Int
    /// How often it was reached by then.
    let time: Int

    var description: String { "line \(line), time \(time)" }

    /// Commands for bash, before the line that starts the agent.
    var prelude: String {
      "set -T; certfleet_times=0; trap '[ $LINENO -ne \(line) ] || [ $BASHPID -ne $$ ] || [ $((certfleet_times += 1)) -ne \(time) ] || kill -9 $$' DEBUG\n"
    }
  }

  let all: [Point]
  /// How many lines were reached.
  let lines: Int

  /// - Parameter visit: of a new copy of the host: where it is, and the visit with commands for bash before it.
  init(_ visit: () throws -> (folder: String, run: (String) async throws -> Void)) async throws {
    let scratch = try ScratchFolder()
    let reached = scratch.path + "/reached"
    let first = try visit()
    try await first.run("set -T; trap '[ $BASHPID -ne $$ ] || echo $LINENO >>\(reached)' DEBUG\n")
    var times: [Int: Int] = [:]
    for line in Files.read(reached).split(separator: "\n").compactMap({ Int($0) }) {
      times[line, default: 0] += 1
    }
    lines = times.count
    let wanted = times.flatMap { line, count in
      count == 1 ? ["\(line):1"] : ["\(line):1", "\(line):\(count)"]
    }
    let states = scratch.path + "/states"
    let second = try visit()
    let list = wanted.map { "[\($0)]=1" }.joined(separator: " ")
    // What a shell has made is there before it goes on, but for what it has started in the background.
    let state =
      "{ find \(second.folder) -printf \"%p %y %m %l\\n\"; find \(second.folder) -type f -exec cat {} +; } 2>/dev/null | cksum"
    try await second.run(
      """
      declare -A certfleet_wanted=(\(list)); declare -a certfleet_times
      set -T; trap '[ $BASHPID -ne $$ ] || [ -z "${certfleet_wanted[$LINENO:$((certfleet_times[LINENO] = ${certfleet_times[LINENO]:-0} + 1))]:-}" ] || echo "$LINENO ${certfleet_times[LINENO]} $(\(state))" >>\(states)' DEBUG

      """)
    var (points, last): ([Point], Substring) = ([], "")
    for line in Files.read(states).split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 2)
      guard fields.count == 3, let number = Int(fields[0]), let time = Int(fields[1]), fields[2] != last
      else {
        continue
      }
      last = fields[2]
      points.append(Point(line: number, time: time))
    }
    all = points
  }

  /// Tries each, a few at once.
  ///
  /// - Parameter check: of a new copy: whether the point was reached.
  func forEach(_ check: @escaping @Sendable (Point) async throws -> Bool) async throws {
    let reached = try await withThrowingTaskGroup(of: Bool.self) { group in
      var (rest, reached) = (all[...], 0)
      func next() {
        guard let point = rest.popFirst() else { return }
        group.addTask { try await check(point) }
      }
      for _ in 1...2 { next() }
      while let wasReached = try await group.next() {
        reached += wasReached ? 1 : 0
        next()
      }
      return reached
    }
    print("the agent was killed at \(reached) of \(all.count) points, on \(lines) lines")
    // How often it hears its clock is another number each time, so a few points are not reached.
    #expect(reached * 10 >= all.count * 9)
  }
}
