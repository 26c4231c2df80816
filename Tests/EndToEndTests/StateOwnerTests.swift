import Foundation
import Testing
import ThrowawayFleet

/// Root who uses the state of another user.
@Suite(.enabled(if: geteuid() == 0, "needs root"))
struct StateOwnerTests {
  private let scratch: ScratchFolder
  private let home: String

  init() throws {
    // Whoever it becomes has to get there.
    scratch = try ScratchFolder()
    chmod(scratch.path, 0o755)
    home = scratch.path + "/state"
    try Files.makeFolder(home)
    chmod(home, 0o700)
    chown(home, Self.nobody, Self.nogroup)
  }

  private static let (nobody, nogroup): (UInt32, UInt32) = (65534, 65534)

  private func run(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(
      CertfleetProgram.path, arguments,
      environment: ["CERTFLEET_HOME": home, "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
  }

  @Test
  func `root becomes the owner of the state, whatever is made belongs to him, and the log says who it was`()
    async throws
  {
    let inventory = try scratch.write("fleet.json5", "{hosts: [{name: 'web1'}]}", mode: 0o644)
    let applied = try await run("apply", inventory)
    #expect(applied.status == 0, "\(applied.everything)")
    for file in try FileManager.default.contentsOfDirectory(atPath: home) + ["."] {
      var facts = stat()
      #expect(stat("\(home)/\(file)", &facts) == 0)
      #expect(facts.st_uid == Self.nobody && facts.st_gid == Self.nogroup, "\(file)")
    }
    #expect(try await run("host", "list").stdout.contains("web1"))
    // What is only root's is not reached, and it says why.
    let hidden = scratch.path + "/hidden"
    try Files.makeFolder(hidden)
    chmod(hidden, 0o700)
    try Files.write(hidden + "/fleet.json5", "{}")
    let refused = try await run("apply", hidden + "/fleet.json5")
    #expect(refused.status == 65 && refused.stderr.contains("permission denied"), "\(refused.everything)")
    #expect(refused.stderr.contains("this runs as nobody, who owns the state"), "\(refused.everything)")
  }

  /// The hooks of the controller run with what it has.
  @Test func `nothing of root's is left but listening on low ports`() async throws {
    let inventory = try scratch.write(
      "fleet.json5",
      "{notify: [{command: 'cat /proc/self/status >\(home)/status; id >>\(home)/status; env >>\(home)/status; cat /proc/$PPID/status >\(home)/own', name: 'x'}]}",
      mode: 0o644)
    #expect(try await run("apply", inventory).status == 0)
    let told = try await run("notify", "test")
    #expect(told.status == 0, "\(told.everything)")
    let status = Files.read(home + "/status")
    #expect(status.contains("Uid:\t65534\t65534\t65534\t65534"), "\(status)")
    #expect(status.contains("CapEff:\t0000000000000000") && status.contains("CapAmb:\t0000000000000000"))
    #expect(Files.read(home + "/own").contains("CapEff:\t0000000000000400"), "CAP_NET_BIND_SERVICE")
    #expect(status.contains("uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)"))
    #expect(status.contains("SUDO_USER=root") && status.contains("USER=nobody"))
  }
}
