import Foundation
import Testing
import ThrowawayFleet

/// Hosts that are reached otherwise than by libssh2.
@Suite struct ConnectionTests {
  enum Kind: String, CaseIterable { case ssh, local }

  /// What every way has to do: a check, a first rollout, a renewal, a failing hook with its revert, a pinned key that has changed.
  @Test(arguments: Kind.allCases)
  func `a rollout, a renewal and a failing hook go the same way`(kind: Kind) async throws {
    let scene = try await Scene(hosts: kind == .local ? 1 : 3)
    try await scene.connect(by: kind.rawValue)
    let shown = try await scene.expect(0, "host", "show", "web1").stdout
    #expect(shown.contains("way    \(kind) (declared)"), "\(shown)")
    let check = try await scene.expect(0, "host", "check")
    #expect(check.stdout.contains("reached by \(kind) (declared)"), "\(check.everything)")
    let plan = try await scene.expect(0, "plan").stdout
    #expect(plan.contains("reached by \(kind) (declared): web"), "\(plan)")
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run")
    #expect(Set(scene.generations()) == ["2"])
    try scene.steer(0, "break-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    let failed = try await scene.expect(1, "run")
    #expect(failed.everything.contains("broken on purpose"), "\(failed.everything)")
    #expect(Set(scene.generations()) == ["2"])
    try scene.release(0, "break-deploy")
    try await scene.expect(0, "run", "--only", "one.example")
    #expect(Set(scene.generations()) == ["3"])
    try scene.steer(0, "hold-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    let killed = try scene.certfleet.start("run", output: scene.scratch.path + "/run.log")
    let holding = scene.hosts[0].home + "/holding"
    try await eventually("the hook holds") { FileManager.default.fileExists(atPath: holding) }
    killed.signal(SIGKILL)
    _ = await killed.ended()
    try scene.release(0, "hold-deploy")
    let resumed = try await scene.expect(0, "run")
    #expect(resumed.stderr.contains("was interrupted"), "\(resumed.everything)")
    #expect(Set(scene.generations()) == ["4"])
    #expect(try await scene.expect(0, "look").stdout.hasPrefix("as it should be: web"))
    let log = try await scene.expect(0, "log", "--all", "--output").stdout
    #expect(log.contains("broken on purpose"))
    await scene.fleet.stop()
  }
}

extension Scene {
  /// Makes it the way to all hosts. By this machine's own shell there is one.
  func connect(by kind: String) async throws {
    let file = scratch.path + "/fleet.json5"
    // On this machine the hosts' home is nobody's.
    let base = kind == "local" ? hosts[0].base : "~/certs"
    var text = Files.read(file).replacing(
      "defaults: {port: 2222,", with: "defaults: {connection: '\(kind)', port: 2222,")
    text = text.replacing("base: '~/certs'", with: "base: '\(base)'")
    if kind == "local" {
      text = text.replacing("~/", with: hosts[0].home + "/").replacing("$HOME", with: hosts[0].home)
    }
    try Files.write(file, text)
    try await expect(0, "apply", file)
  }
}
