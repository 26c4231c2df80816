import Foundation
import Testing
import ThrowawayFleet

/// The preflight by itself, on hosts that lack something.
@Suite(.serialized) struct HostCheckTests {
  @Test func `everything that a host lacks is told before anything is staged`() async throws {
    let scene = try await Scene(hosts: 4)
    let fine = try await scene.expect(0, "host", "check")
    #expect(
      fine.stdout.hasPrefix("ready: web[1-4]\n  one.example: port 8443 serves CN=")
        && fine.stdout.contains("; unless the deploy hook changes that, the first visit installs"),
      "\(fine.stdout)")
    #expect(scene.runs(0, "pre").isEmpty)

    // Two hosts that lack something, and one that is down.
    await scene.hosts[3].ssh.stop()
    let declared = Files.read(scene.scratch.path + "/fleet.json5").replacing(
      "deploy: [{ to: '*'",
      with:
        "deploy: [{ to: 'lacking', rollout: 'p', files: [{format: 'fullchain', path: '/nowhere/x.pem'}], hooks: {deploy: [{run: 'true', user: 'nobody-here'}, 'not-a-command now']}}, { to: '*'"
    ).replacing("name: 'web2',", with: "name: 'web2', labels: {lacking: 'yes'},")
      .replacing("name: 'web3',", with: "name: 'web3', labels: {lacking: 'yes'},")
    try scene.scratch.write("fleet.json5", declared)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    let lacking = try await scene.expect(1, "host", "check")
    let found = lacking.stdout.split(separator: "\n").filter { !$0.contains("port 8443 serves") }
    #expect(
      found.joined(separator: "\n") + "\n" == """
        ready: web1
        lacking: web[2-3]
          the command 'not-a-command' is not found on the host; install it or correct the deploy hook: not-a-command now
          there is no user 'nobody-here' on the host, as whom a hook is to run
          /nowhere is not a folder on the host; make it first, with the owner and mode it is to have
        unreachable: web4
          cannot connect to \(scene.hosts[3].address):2222: connection refused

        """, "\(lacking.everything)")
    #expect(try await scene.expect(2, "host", "check", "web4").stdout.hasPrefix("unreachable: web4\n"))
    let json = try await scene.expect(0, "host", "check", "web1", "--json").stdout
    #expect(json.contains("\"result\" : \"ready\"") || json.contains("\"result\":\"ready\""), "\(json)")

    // A visit looks at the same, and leaves no trace where something is missing.
    let run = try await scene.expect(1, "run")
    #expect(run.stderr.contains("    and: there is no user 'nobody-here'"), "\(run.stderr)")
    #expect(
      scene.generations()[1] == "0" && scene.runs(1, "pre").isEmpty,
      "\(scene.generations()) \(run.everything)")
    await scene.fleet.stop()
  }
}
