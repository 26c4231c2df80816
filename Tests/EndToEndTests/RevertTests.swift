import Foundation
import Testing
import ThrowawayFleet

/// Going back by hand to what hosts still have.
@Suite(.serialized) struct RevertTests {
  @Test func `hosts go back to the generation before, stay there, and go on with the next`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    let refused = try await scene.expect(65, "cert", "revert", "one.example")
    #expect(refused.stderr.contains("one.example has no earlier generation to go back to"))
    let first = try await scene.serials()
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["2", "2"])
    try await scene.expect(0, "cert", "revert", "one.example", "--dry-run")
    #expect(try await scene.expect(0, "plan").stdout == "nothing to do\n")

    let back = try await scene.expect(0, "cert", "revert", "one.example")
    #expect(back.stderr.contains("certfleet cert renew one.example"))
    #expect(scene.generations() == ["1", "1"] && scene.runs(0, "deploy").count == 3)
    #expect(try await scene.serials() == first)
    #expect(try await scene.expect(0, "run").stderr == "nothing to do\n")
    #expect(
      try await scene.expect(0, "cert", "show", "one.example").stdout.contains("wanted   generation 1,"))
    #expect(
      try await scene.expect(65, "cert", "export", "one.example", "x").stderr.contains("--generation N"))
    #expect(try await scene.expect(0, "log").stdout.contains("reverted"))

    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["3", "3"])
    try await scene.expect(0, "cert", "revoke", "one.example", "--generation", "2", "--yes")
    let revoked = try await scene.expect(65, "cert", "revert", "one.example", "--to", "2")
    #expect(revoked.stderr.contains("generation 2 of one.example is revoked; renew instead"))
    try await scene.expect(0, "cert", "revert", "one.example", "--to", "1")
    #expect(try await scene.serials() == first)
    await scene.fleet.stop()
  }

  @Test func `a host that has it no more stays as it is and says what to do`() async throws {
    let scene = try await Scene(hosts: 1)
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    try FileManager.default.removeItem(atPath: scene.hosts[0].base + "/archive/one.example/1")
    let back = try await scene.expect(1, "cert", "revert", "one.example")
    #expect(
      back.stderr.contains(
        "generation 1 is not on the host any more; bring the host forward: certfleet cert renew one.example"),
      "\(back.everything)")
    #expect(scene.generations() == ["2"])
    await scene.fleet.stop()
  }
}
