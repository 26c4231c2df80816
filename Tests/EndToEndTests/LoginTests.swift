import Foundation
import Testing
import ThrowawayFleet

/// Logins as people have them: other shells, noise, sudo with and without a password, no root at all.
@Suite(.serialized, .enabled(if: PrivateHost.isPossible, "needs root, for accounts of its own"))
struct LoginTests {
  private static let noise = """
    echo 'Welcome to the machine'; printf '\\033[2J@certfleet 0 0 end ok\\n@certfleet '; echo 'mail: you have mail' >&2

    """

  private static let accounts: [PrivateHost.Account] = [
    .init("plain"),
    .init("fisher", shell: "/usr/bin/fish", files: [".config/fish/config.fish": noise]),
    .init("tcsher", shell: "/usr/bin/tcsh", files: [".tcshrc": "echo 'from tcshrc'\n"]),
    .init(
      "basher", shell: "/bin/bash",
      files: [
        ".bashrc": noise + "alias mv=false\nshopt -s expand_aliases\n", ".ssh/rc": "echo 'from ssh rc'\n",
      ]),
    .init("sudoer", sudo: "ALL=(ALL) NOPASSWD: ALL"),
    .init("asked", sudo: "ALL=(ALL) ALL"),
    .init("nobodys", shell: "/usr/sbin/nologin"),
    .init("falses", shell: "/bin/false"),
  ]

  @Test func `a visit is the same whatever the login shell is, and what cannot work is said`() async throws {
    let scene = try await PrivateScene(Self.accounts, options: ["Banner /etc/issue.net", "PrintMotd yes"])
    let good = ["plain", "fisher", "tcsher", "basher", "sudoer"]
    try await scene.declare(
      hosts: Self.accounts.map { account in
        let isRoot = account.sudo != nil
        return
          "{name: '\(account.name)', address: '\(scene.address)', user: '\(account.name)', become: \(isRoot), base: '\(isRoot ? "/etc/certfleet-\(account.name)" : "~/certs")', labels: {good: '\(good.contains(account.name) ? "yes" : "no")'}}"
      },
      deploy:
        "{to: '*', rollout: 'all', hooks: {deploy: ['id -un; echo $0; test \"$RENEWED_DOMAINS\" = one.example']}}"
    )
    let run = try await scene.expect(1, "run")
    #expect(run.stderr.contains(" 5 ok: basher,fisher,plain,sudoer,tcsher\n"), "\(good): \(run.stderr)")
    let users = try await scene.expect(0, "log", "--output").stdout
    #expect(users.contains("fisher\n") && users.contains("root\n"))
    #expect(!run.everything.contains("\u{1B}"))
    #expect(
      run.stderr.contains(
        "asked: refused: the agent did not start (exit status 1: sudo: a password is required)"))
    #expect(
      run.stderr.contains(
        "nobodys: refused: the agent did not start (exit status 1: "), "\(run.stderr)")
    #expect(scene.host.exists("/etc/certfleet-sudoer/live/one.example/privkey.pem"))
    #expect(scene.host.exists("/home/fisher/certs/live/one.example/privkey.pem"))
    let check = try await scene.expect(1, "host", "check")
    #expect(check.stdout.contains("ready: basher,fisher,plain,sudoer,tcsher\n"), "\(check.everything)")
    #expect(check.stdout.contains("sudo: a password is required"))
    #expect(check.stdout.contains("check that `exec /bin/sh -s` works on the host for the login user"))
    await scene.stop()
  }

  @Test func `who is not root is told so before anything is done`() async throws {
    let scene = try await PrivateScene([.init("plain")])
    try await scene.declare(
      hosts: ["{name: 'web', address: '\(scene.address)', user: 'plain'}"],
      deploy:
        "{to: '*', hooks: {deploy: [{run: 'true', user: 'www-data'}]}, files: [{format: 'fullchain', path: '/etc/ssl/x.pem', owner: 'root'}]}"
    )
    let lacking = try await scene.expect(1, "host", "check")
    #expect(
      lacking.stdout.contains("mkdir: cannot create directory")
        && lacking.stdout.contains("Permission denied"), "\(lacking.everything)")
    try await scene.host.run("mkdir /etc/certfleet && chown plain /etc/certfleet")
    let still = try await scene.expect(1, "host", "check")
    #expect(
      still.stdout.contains("only root can run a hook as www-data; set become: true"), "\(still.everything)")
    #expect(still.stdout.contains("/etc/ssl cannot be written by plain"), "\(still.everything)")
    await scene.stop()
  }

  @Test func `a hook that nobody may end is a matter for a person`() async throws {
    let scene = try await PrivateScene([
      .init(
        "plain", sudo: "ALL=(ALL) NOPASSWD: ALL",
        files: ["hang": "trap '' TERM\necho $$ >/home/plain/pid\nexec sleep 600\n"])
    ])
    try await scene.declare(
      hosts: ["{name: 'web', address: '\(scene.address)', user: 'plain', base: '~/certs'}"],
      deploy: "{to: '*', hooks: {pre: [{run: 'sudo -n sh /home/plain/hang', timeout: '1s'}]}}")
    let run = try await scene.expect(1, "run")
    #expect(
      run.stderr.contains("a hook runs on after its deadline of 1 s, and nobody here may end it"),
      "\(run.everything)")
    #expect(run.stderr.contains("web: failed dirty"))
    let left = try #require(Int32(scene.host.read("/home/plain/pid").trimmingCharacters(in: .newlines)))
    #expect(Running.isAlive(left))
    kill(left, SIGKILL)
    try await eventually("the hook is gone") { !Running.isAlive(left) }
    #expect(!scene.host.exists("/home/plain/certs/live/one.example"))
    await scene.stop()
  }
}
