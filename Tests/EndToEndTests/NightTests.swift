import Foundation
import Testing
import ThrowawayFleet

/// Troubles as they wake a person: each is found on the first screen of `report`, and mended by the commands that stand there.
@Suite(.serialized) struct NightTests {
  /// What stands on the first screen.
  private struct Screen {
    let text: String
    /// The commands of each trouble, in their order.
    let commands: [[String]]

    init(_ scene: Scene) async throws {
      text = try await scene.expect(0, "report").stdout
      var groups: [[String]] = []
      for line in text.split(separator: "\n") {
        if line.hasPrefix("✗ ") || line.hasPrefix("! ") { groups.append([]) }
        if line.hasPrefix("    certfleet "), !groups.isEmpty {
          groups[groups.count - 1].append(String(line.dropFirst("    certfleet ".count)))
        }
      }
      commands = groups
    }
  }

  /// Types a command as it stands there.
  @discardableResult
  private func type(_ command: String, _ scene: Scene, expecting status: Int32 = 0) async throws -> String {
    let result = try await Program.run(
      CertfleetProgram.path, command.split(separator: " ").map(String.init),
      environment: scene.certfleet.environment)
    guard result.status == status else {
      throw Program.Failed("certfleet \(command) ended with \(result.status): \(result.everything)")
    }
    return result.everything
  }

  private func expectPeace(_ scene: Scene) async throws {
    let screen = try await Screen(scene)
    #expect(
      screen.text.contains("everything is as it should be") && screen.commands.isEmpty, "\(screen.text)")
  }

  @Test func `two hosts whose hook is broken`() async throws {
    let scene = try await Scene(hosts: 4, policy: ", max_failed: 2")
    try await scene.expect(0, "run")
    for host in [1, 2] { try scene.steer(host, "break-deploy") }
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(1, "run")
    let screen = try await Screen(scene)
    #expect(screen.text.contains("one thing needs a person"), "\(screen.text)")
    #expect(screen.text.contains("✗ web[2-3]: one.example rolled back in rollout 2"), "\(screen.text)")
    #expect(screen.text.contains("broken on purpose") && screen.text.contains("nothing in use ends for"))
    let commands = try #require(screen.commands.first)
    #expect(try await type(commands[0], scene).contains("stderr| broken on purpose"))
    for host in [1, 2] { try scene.release(host, "break-deploy") }
    try await type(try #require(commands.last), scene)
    try await expectPeace(scene)
    await scene.fleet.stop()
  }

  @Test func `a host that is off`() async throws {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    let host = scene.hosts[2]
    await host.ssh.stop()
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(2, "run")
    let screen = try await Screen(scene)
    #expect(screen.text.contains("nothing needs a person yet"), "\(screen.text)")
    #expect(screen.text.contains("! web3: one.example unreachable in rollout"), "\(screen.text)")
    #expect(screen.text.contains("connection refused"), "\(screen.text)")
    let again = try await SSHServer(
      in: host.home + "/sshd", at: host.address, home: host.home,
      authorizedKey: Files.read(scene.fleet.identity + ".pub"))
    try await type(try #require(screen.commands.first?.last), scene)
    try await expectPeace(scene)
    await again.stop()
    await scene.fleet.stop()
  }

  @Test func `files that somebody has taken away`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    try FileManager.default.removeItem(atPath: scene.hosts[1].base + "/live/one.example")
    try await scene.expect(1, "look")
    let screen = try await Screen(scene)
    #expect(screen.text.contains("! web2: one.example has drifted, "), "\(screen.text)")
    let commands = try #require(screen.commands.first)
    #expect(try await type(commands[0], scene).contains("drifted: gone"))
    try await type(commands[1], scene)
    try await expectPeace(scene)
    await scene.fleet.stop()
  }

  @Test func `an approval that was forgotten`() async throws {
    let scene = try await Scene(hosts: 3, waves: "[1, {take: 'rest', approve: true}]")
    try await scene.expect(3, "run")
    let screen = try await Screen(scene)
    #expect(
      screen.text.contains("! one.example: rollout 1: wave 2 of 2 waits for approval, "), "\(screen.text)")
    let commands = try #require(screen.commands.first)
    #expect(try await type(commands[0], scene).contains("2 not started: web[2-3]"))
    #expect(try await type(commands[1], scene).contains("go on with: certfleet run"))
    try await type("run", scene)
    try await expectPeace(scene)
    await scene.fleet.stop()
  }

  @Test func `a renewal that fails`() async throws {
    let scene = try await Scene(hosts: 2)
    try await scene.expect(0, "run")
    // A name is added whose address is another machine's, so that the CA does not see the token.
    let file = scene.scratch.path + "/fleet.json5"
    try Files.write(
      file,
      Files.read(file).replacing(
        "domains: ['one.example']", with: "domains: ['one.example', 'www.one.example']"))
    try await scene.expect(0, "apply", file)
    try await scene.fleet.authority.resolve("www.one.example", to: scene.hosts[0].address)
    try await scene.expect(1, "run")
    let screen = try await Screen(scene)
    #expect(screen.text.contains("nothing needs a person yet"), "\(screen.text)")
    #expect(screen.text.contains("! one.example: its renewal has failed, tried again in "), "\(screen.text)")
    #expect(
      screen.text.contains("www.one.example") && screen.text.contains("nothing in use ends for"),
      "\(screen.text)")
    let commands = try #require(screen.commands.first)
    #expect(try await type(commands[0], scene).contains("next try"))
    try await scene.fleet.authority.resolveAsUsual("www.one.example")
    try await type(commands[1], scene)
    try await type("run", scene)
    try await expectPeace(scene)
    await scene.fleet.stop()
  }
}
