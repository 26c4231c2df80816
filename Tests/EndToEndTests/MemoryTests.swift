import Foundation
import Testing
import ThrowawayFleet

/// What is left of secrets in the memory of a controller that goes on.
@Suite struct MemoryTests {
  @Test(.enabled(if: geteuid() == 0, "needs root, to read another process's memory"))
  func `a private key that was used is in memory no more`() async throws {
    let scene = try await Scene(hosts: 2, waves: "[{take: 1, bake: '30s'}, 'rest']")
    let run = try Running(
      CertfleetProgram.path, ["run"], environment: scene.certfleet.environment,
      stdout: scene.scratch.path + "/run", stderr: scene.scratch.path + "/run")
    try await eventually("the first wave bakes", within: .seconds(60)) {
      Files.read(scene.scratch.path + "/run").contains("wave 1")
        && scene.generations().first == "1" && !scene.runs(0, "post").isEmpty
    }
    let key = Files.read("\(scene.hosts[0].base)/live/one.example/privkey.pem")
    let lines = key.split(separator: "\n").dropFirst().dropLast().map(String.init)
    let der = try #require(Data(base64Encoded: lines.joined()))
    let sealing = try #require(FileManager.default.contents(atPath: scene.certfleet.home + "/sealing.key"))
    let secrets = [Data(lines[0].utf8), Data(lines[1].utf8), der.dropFirst(36).prefix(32), sealing]
    // It is kept for the next host for a second.
    try await eventually("no copy of the key is left", within: .seconds(10)) {
      try Self.count(secrets, in: run.id).dropLast().allSatisfy { $0 == 0 }
    }
    let found = try Self.count(secrets, in: run.id)
    print(
      "copies in memory: a line of the key's PEM \(found[0]) and \(found[1]), its number \(found[2]), the sealing key \(found[3])"
    )
    #expect(found[0] == 0 && found[1] == 0 && found[2] == 0)
    #expect(found[3] <= 1)
    await run.stop()
    await scene.fleet.stop()
  }

  /// How often each text is in the memory of a process.
  private static func count(_ texts: [Data], in process: Int32) throws -> [Int] {
    let memory = try FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/mem"))
    var found = texts.map { _ in 0 }
    for line in Files.read("/proc/\(process)/maps").split(separator: "\n") {
      let range = line.split(separator: " ")[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard line.contains(" r"), range.count == 2, !line.contains("[v") else { continue }
      try memory.seek(toOffset: range[0])
      guard let bytes = try? memory.read(upToCount: Int(range[1] - range[0])) else { continue }
      for (index, text) in texts.enumerated() {
        var rest = bytes[...]
        while let next = rest.range(of: text) {
          found[index] += 1
          rest = rest[next.upperBound...]
        }
      }
    }
    return found
  }
}
