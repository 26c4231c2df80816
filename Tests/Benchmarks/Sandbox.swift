import Foundation
import ThrowawayFleet

/// A network and a disk of this benchmark's own: sshd can listen everywhere there, and nobody else's network sees it.
enum Sandbox {
  static let disk = NSTemporaryDirectory() + "certfleet-bench-disk"
  private static let mark = "CERTFLEET_BENCH_INSIDE"

  static var isEntered: Bool { ProcessInfo.processInfo.environment[mark] != nil }

  /// Becomes this program again, in new namespaces (unshare(1)).
  static func enter() throws -> Never {
    setenv(mark, "1", 1)
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let user = geteuid() == 0 ? [] : ["--user", "--map-root-user"]
    let words =
      [try Program.find("unshare"), "--net", "--mount"] + user + ["--", own]
      + CommandLine.arguments.dropFirst()
    var arguments = words.map { strdup($0) } + [nil]
    execv(words[0], &arguments)
    throw Program.Failed("unshare cannot be started: \(String(cString: strerror(errno)))")
  }

  static func prepare() async throws {
    try await Program.succeed(try Program.find("ip"), ["link", "set", "lo", "up"])
    try Files.makeFolder(disk)
    try await Program.succeed(try Program.find("mount"), ["-t", "tmpfs", "-o", "mode=755", "tmpfs", disk])
  }
}
