import Foundation
import Testing
import ThrowawayFleet

/// A key that can deliver certificates and nothing else: real sshd, sudo and visudo.
@Suite(.serialized, .enabled(if: PrivateHost.isPossible, "needs root, for accounts of its own"))
struct AgentInstallTests {
  private let deploy = "hooks: {deploy: ['echo deployed as $(id -un)']}"

  private func scene(
    _ accounts: [PrivateHost.Account] = [
      .init("admin", sudo: "ALL=(ALL) NOPASSWD: ALL"), .init("certfleet"),
    ],
    become: Bool = true, options: [String] = []
  ) async throws -> PrivateScene {
    let scene = try await PrivateScene(accounts, options: options)
    try await KeyPair.make(at: scene.scratch.path + "/delivery", type: "ed25519")
    try await declare(scene, become: become, deploy)
    return scene
  }

  private func declare(_ scene: PrivateScene, become: Bool, _ rest: String) async throws {
    try await scene.declare(
      hosts: [
        "{name: 'web', address: '\(scene.address)', user: 'certfleet', identity: 'delivery', become: \(become), agent: 'installed', base: '\(become ? "/etc/certfleet" : "~/certs")'}"
      ], deploy: "{to: '*', rollout: 'all', \(rest)}")
  }

  /// Runs a command with the delivery key, as ssh does.
  private func ssh(_ scene: PrivateScene, _ command: String) async throws -> Program.Result {
    try await Program.run(
      try Program.find("ssh"),
      [
        "-F", "none", "-i", scene.scratch.path + "/delivery", "-p", "2222", "-o", "IdentitiesOnly=yes", "-o",
        "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
        "LogLevel=ERROR", "certfleet@\(scene.address)", command,
      ], environment: ["SSH_AUTH_SOCK": ""])
  }

  @Test func `the key is restricted to the agent, and the agent to what its host allows`() async throws {
    let scene = try await scene()
    let before = try await scene.expect(1, "run")
    #expect(before.stderr.contains("web: refused"), "\(before.stderr)")
    let own = try await scene.expect(
      65, "agent", "install", "web", "--user", "certfleet", "--identity", scene.scratch.path + "/delivery")
    #expect(own.stderr.contains("is the very key that is to be restricted"))
    let key = Files.read(scene.scratch.path + "/delivery.pub").split(separator: " ")[1]
    try await scene.host.run(
      "echo 'from=\"127.0.0.0/8\",no-pty ssh-ed25519 \(key) old' >>/home/certfleet/.ssh/authorized_keys")
    let installed = try await scene.expect(
      0, "agent", "install", "web", "--user", "admin", "--identity", scene.scratch.path + "/id_ed25519")
    #expect(installed.stdout == "web: installed, and it answers to the key\n")
    let lines = scene.host.read("/home/certfleet/.ssh/authorized_keys").split(separator: "\n")
    #expect(
      lines.count == 2
        && lines[1]
          == "from=\"127.0.0.0/8\",restrict,command=\"sudo -n /usr/local/lib/certfleet/agent\" ssh-ed25519 \(key) certfleet"
    )
    #expect(
      scene.host.read("/etc/certfleet/agent.conf").hasSuffix(
        "base /etc/certfleet\ncertificate one.example\n# deploy: echo deployed as $(id -un)\nhook deploy 60 - stop :echo%sdeployed%sas%s$(id%s-un)\nneed echo\n"
      ))
    #expect(!scene.host.exists("/home/certfleet/.ssh/authorized_keys.before"))

    let ready = try await scene.expect(0, "host", "check")
    #expect(ready.stdout == "ready: web\n")
    try await scene.expect(0, "run")
    #expect(scene.host.exists("/etc/certfleet/live/one.example/privkey.pem"))
    #expect(try await scene.expect(0, "log", "--output").stdout.contains("deployed as root"))

    // Whatever else the key is used for starts the agent, and that takes no command.
    let shell = try await ssh(scene, "id; cat /etc/shadow")
    #expect(shell.status == 1 && shell.stdout.isEmpty, "\(shell.everything)")
    let subsystem = try await Program.run(
      try Program.find("sftp"),
      [
        "-F", "none", "-i", scene.scratch.path + "/delivery", "-P", "2222", "-o", "BatchMode=yes", "-o",
        "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "certfleet@\(scene.address)",
      ], environment: ["SSH_AUTH_SOCK": ""], stdin: "ls\n")
    #expect(subsystem.status != 0)

    // What the host does not allow yet is refused, by name, before anything is done.
    try await declare(
      scene, become: true,
      "hooks: {deploy: ['cat /etc/shadow']}, files: [{format: 'haproxy', path: '/etc/x.pem'}]")
    let refused = try await scene.expect(1, "host", "check")
    #expect(
      refused.stdout.contains("these variables): 'cat /etc/shadow'")
        && refused.stdout.contains(
          "/etc/certfleet/agent.conf does not allow 'file one.example /etc/x.pem fullchain.pem+privkey.pem 0600 -:- -'"
        ),
      "\(refused.stdout)")
    let shown = try await scene.expect(0, "agent", "install", "web", "--dry-run")
    #expect(
      shown.stdout.contains(
        "\nfile one.example /etc/x.pem fullchain.pem+privkey.pem 0600 -:- -\n# deploy: cat /etc/shadow\nhook deploy 60 - stop :cat%s/etc/shadow\nneed cat\n"
      ))
    try await scene.expect(
      0, "agent", "install", "web", "--user", "admin", "--identity", scene.scratch.path + "/id_ed25519")
    #expect(try await scene.expect(0, "host", "check").stdout == "ready: web\n")
    #expect(scene.host.read("/home/certfleet/.ssh/authorized_keys").split(separator: "\n").count == 2)

    // All of it goes, and nothing else: the other key, and the certificates.
    try await scene.expect(
      65, "agent", "uninstall", "web", "--user", "admin", "--identity", scene.scratch.path + "/id_ed25519")
    let gone = try await scene.expect(
      0, "agent", "uninstall", "web", "--yes", "--user", "admin", "--identity",
      scene.scratch.path + "/id_ed25519")
    #expect(gone.stdout.hasPrefix("web: the agent is gone; "))
    let left = scene.host.read("/home/certfleet/.ssh/authorized_keys")
    #expect(left.split(separator: "\n").count == 1 && !left.contains(key), "\(left)")
    for path in [
      "/usr/local/lib/certfleet", "/etc/certfleet/agent.conf", "/etc/sudoers.d/certfleet-certfleet",
    ] {
      #expect(!scene.host.exists(path), "\(path)")
    }
    #expect(scene.host.exists("/etc/certfleet/live/one.example/privkey.pem"))
    #expect(try await ssh(scene, "true").status == 255)
    // Where nothing is left, there is nothing to do.
    try await scene.expect(
      0, "agent", "uninstall", "web", "--yes", "--user", "admin", "--identity",
      scene.scratch.path + "/id_ed25519")
    await scene.stop()
  }

  @Test func `it takes away what is declared there no more, with its hooks`() async throws {
    let scene = try await scene()
    let hooks = "hooks: {retire: 'echo \"$CERTFLEET_ACTION $CERTFLEET_RETIRED\"', deploy: 'echo deployed'}"
    try await declare(scene, become: true, hooks)
    try await scene.expect(
      0, "agent", "install", "web", "--user", "admin", "--identity", scene.scratch.path + "/id_ed25519")
    try await scene.expect(0, "run")
    try await scene.declare(
      hosts: [
        "{name: 'web', address: '\(scene.address)', user: 'certfleet', identity: 'delivery', become: true, agent: 'installed', base: '/etc/certfleet'}"
      ], deploy: "")
    let gone = try await scene.expect(0, "cert", "retire", "one.example", "--yes")
    #expect(gone.stdout.contains("one.example: taken away from web\n"), "\(gone.everything)")
    #expect(!scene.host.exists("/etc/certfleet/live/one.example"))
    #expect(!scene.host.exists("/etc/certfleet/archive/one.example"))
    #expect(try await scene.expect(0, "log", "--output").stdout.contains("retire one.example"))
    await scene.stop()
  }

  @Test func `a user without root keeps the agent in the own home`() async throws {
    let scene = try await scene([.init("certfleet")], become: false)
    try await scene.expect(
      0, "agent", "install", "web", "--user", "certfleet", "--identity", scene.scratch.path + "/id_ed25519")
    #expect(
      scene.host.read("/home/certfleet/.ssh/authorized_keys").contains(
        "restrict,command=\"/home/certfleet/.local/lib/certfleet/agent\" "))
    try await scene.expect(0, "run")
    #expect(scene.host.exists("/home/certfleet/certs/live/one.example/privkey.pem"))
    #expect(try await scene.expect(0, "log", "--output").stdout.contains("deployed as certfleet"))
    await scene.stop()
  }

  @Test func `what does not work is taken back`() async throws {
    let scene = try await scene(options: ["AllowUsers admin"])
    let before = try await scene.host.run(
      "find /etc/sudoers.d /etc/certfleet /usr/local/lib /home/certfleet -type f 2>/dev/null; true")
    let keys = scene.host.read("/home/certfleet/.ssh/authorized_keys")
    let failed = try await scene.expect(
      1, "agent", "install", "web", "--user", "admin", "--identity", scene.scratch.path + "/id_ed25519")
    #expect(
      failed.stderr.contains("web: not installed: a login with the key does not work: "), "\(failed.stderr)")
    #expect(scene.host.read("/home/certfleet/.ssh/authorized_keys") == keys)
    #expect(
      try await scene.host.run(
        "find /etc/sudoers.d /etc/certfleet /usr/local/lib /home/certfleet -type f 2>/dev/null; true")
        == before)
    await scene.stop()
    let none = try await self.scene([.init("admin", sudo: "ALL=(ALL) NOPASSWD: ALL")])
    let missing = try await none.expect(
      1, "agent", "install", "web", "--user", "admin", "--identity", none.scratch.path + "/id_ed25519")
    #expect(missing.stderr.contains("there is no user 'certfleet' on the host; make it: useradd"))
    await none.stop()
  }
}
