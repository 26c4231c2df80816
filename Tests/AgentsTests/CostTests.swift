import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

/// What a visit costs a host, counted by the kernel: in a process namespace of its own the last number given out is the
/// number of processes that there were.
@Suite struct CostTests {
  private static let canCount = geteuid() == 0
  /// yash reads characters and not bytes, so it needs dd for what a hook says.
  private static let shells = Shell.all.filter { $0.words[0] != "yash" }

  @Test(.enabled(if: canCount, "needs root, for a process namespace"), arguments: shells)
  func `a visit with one certificate and three hooks starts at most 27 processes`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    for generation in 1...2 {
      let hook = Hook(command: "echo said; echo complained >&2")
      let request = scene.request(
        generation: generation, hooks: Hooks(pre: [hook], deploy: [hook], post: [hook]))
      let input = try scene.scratch.write(
        "stdin", String(decoding: request.parts(now: Date()).flatMap(\.self), as: UTF8.self))
      // The counting shell is the first process and the cat that asks the last.
      let count =
        "\(shell.words.joined(separator: " ")) -s <\(input) >\(scene.scratch.path)/out; cat /proc/sys/kernel/ns_last_pid"
      let result = try await Program.run(
        try Program.find("unshare"), ["--pid", "--fork", "--mount-proc", "/bin/sh", "-c", count],
        environment: ["HOME": scene.scratch.path])
      let processes = try #require(Int(result.stdout.trimmingCharacters(in: .whitespacesAndNewlines))) - 2
      #expect(Files.read(scene.scratch.path + "/out").contains("@certfleet n0nce 0 end ok"))
      print("\(shell.words[0]), generation \(generation): \(processes) processes")
      #expect(processes <= 27)
    }
  }
}
