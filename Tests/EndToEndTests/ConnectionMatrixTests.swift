import Foundation
import Testing
import ThrowawayFleet

/// Hosts that `ssh` reaches, each by what keeps libssh2 from it: a check, a first rollout, a renewal, a failing hook with its revert.
@Suite(.enabled(if: PrivateHost.isPossible, "needs root, for accounts of its own"))
struct ConnectionMatrixTests {
  enum Cell: String, CaseIterable {
    case hardened, rsa, certificate, hostCertificate, proxyCommand, jumps, doas, sudoUser, password,
      passwordNotAsked, passwordNotAskedBySSH, fido

    var options: [String] {
      switch self {
      // As ssh-audit's guides have it: nothing that libssh2 1.10 knows.
      case .hardened:
        [
          "KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256",
          "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
          "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com",
        ]
      default: []
      }
    }

    /// What `host show` says, once it was found out. libssh2 1.11 can what 1.10 cannot.
    func way(_ scene: MatrixScene) async throws -> String {
      if self == .hardened || self == .rsa, try await scene.hasNewerLibSSH2() { return "libssh2" }
      return switch self {
      case .hardened: "ssh ("
      case .rsa: "ssh (its key is an RSA key"
      case .fido: "ssh (its ssh_config has SecurityKeyProvider"
      case .certificate: "ssh (there is an OpenSSH certificate beside its key)"
      case .hostCertificate: "ssh (an authority vouches for its keys)"
      case .proxyCommand: "ssh (its ssh_config has ProxyCommand)"
      case .jumps, .passwordNotAskedBySSH: "ssh (declared)"
      case .doas, .sudoUser, .password, .passwordNotAsked: "libssh2"
      }
    }

    var login: PrivateHost.Account {
      switch self {
      case .doas:
        .init("ops", setup: "echo 'permit nopass ops' >/etc/doas.conf; chmod 400 /etc/doas.conf")
      case .sudoUser: .init("ops", sudo: "ALL=(app) NOPASSWD: ALL", setup: "useradd -m -p '*' -s /bin/sh app")
      case .password: .init("ops", sudo: "ALL=(ALL) ALL", setup: Self.settingPassword)
      case .passwordNotAsked, .passwordNotAskedBySSH:
        .init("ops", sudo: "ALL=(ALL) NOPASSWD: ALL", setup: Self.settingPassword)
      default: .init("ops")
      }
    }

    private static let settingPassword = "usermod -p \"$(openssl passwd -6 'open sesame')\" ops"

    var host: String {
      switch self {
      case .rsa: "identity: 'rsa'"
      case .certificate: "identity: 'certified'"
      case .fido: "ssh_config: 'config'"
      case .proxyCommand: "ssh_config: 'config'"
      case .jumps: "identity: 'id_ed25519', connection: 'ssh', via: 'second'"
      case .doas: "identity: 'id_ed25519', become: {method: 'doas'}, base: '/etc/certs'"
      case .sudoUser: "identity: 'id_ed25519', become: {user: 'app'}, base: '/home/app/certs'"
      case .passwordNotAskedBySSH:
        "identity: 'id_ed25519', connection: 'ssh', become: {password_file: 'password'}, base: '/etc/certs'"
      case .password, .passwordNotAsked:
        "identity: 'id_ed25519', become: {password_file: 'password'}, base: '/etc/certs'"
      case .hardened, .hostCertificate: "identity: 'id_ed25519'"
      }
    }
  }

  @Test(arguments: Cell.allCases)
  func `it is reached, and a failing hook goes back`(cell: Cell) async throws {
    let scene = try await MatrixScene(cell)
    if cell == .hardened {
      // Before anybody was there: by what is found out on the way.
      #expect(try await scene.expect(0, "host", "show", "web").stdout.contains("way    libssh2"))
    }
    let check = try await scene.expect(0, "host", "check", "web")
    #expect(check.stdout.hasPrefix("ready: web"), "\(check.everything)")
    let shown = try await scene.expect(0, "host", "show", "web").stdout
    let way = try await cell.way(scene)
    #expect(shown.contains("way    \(way)"), "\(shown)")
    try await scene.expect(0, "run")
    #expect(try await scene.generation() == "1")
    try await scene.renew()
    try await scene.expect(0, "run")
    #expect(try await scene.generation() == "2")
    try Files.write(scene.broken, "")
    try await scene.renew()
    let failed = try await scene.expect(1, "run")
    #expect(failed.everything.contains("rolled back"), "\(failed.everything)")
    #expect(try await scene.generation() == "2")
    try FileManager.default.removeItem(atPath: scene.broken)
    try await scene.expect(0, "run", "--only", "one.example")
    #expect(try await scene.generation() == "3")
    // The controller is killed while the hook runs: the host goes back by itself, and the next run ends right.
    try Files.write(scene.steer + "/hold", "")
    try await scene.renew()
    let killed = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("the hook holds: \(Files.read(scene.scratch.path + "/run.out"))") {
      FileManager.default.fileExists(atPath: scene.steer + "/holding")
    }
    killed.signal(SIGKILL)
    _ = await killed.ended()
    try FileManager.default.removeItem(atPath: scene.steer + "/hold")
    let resumed = try await scene.expect(0, "run")
    #expect(resumed.stderr.contains("was interrupted"), "\(resumed.everything)")
    #expect(try await scene.generation() == "4")
    // No password where anybody could read it, and nothing left behind.
    let log = try await scene.expect(0, "log", "--all", "--output").stdout
    #expect(!log.contains("open sesame"))
    #expect(!FileManager.default.fileExists(atPath: scene.steer + "/leaked"), "the password came to a shell")
    let files = ((try? FileManager.default.contentsOfDirectory(atPath: scene.certfleet.home + "/ssh")) ?? [])
      .sorted()
    #expect(files.allSatisfy { $0 == "known_hosts" || $0.hasPrefix("config") }, "\(files)")
    await scene.stop()
  }

  /// By each way that a host shows its key on.
  @Test(arguments: ["libssh2", "ssh"], ["ed25519", "rsa"])
  func `a host that shows another key is not entered`(way: String, type: String) async throws {
    let scene = try await MatrixScene(
      .hardened, options: [], host: "identity: 'id_ed25519', connection: '\(way)'")
    try await scene.expect(0, "run")
    let pinned = try await scene.host.ssh.fingerprint()
    try await scene.exchangeKey(type)
    let check = try await scene.expect(1, "host", "check", "web")
    // libssh2 1.10 takes no RSA key of a host's that is signed with SHA-2, and cannot look at it.
    let knowsRSA: Bool
    if way == "ssh" { knowsRSA = true } else { knowsRSA = try await scene.hasNewerLibSSH2() }
    let offered =
      type == "ed25519" ? "ssh-ed25519 SHA256:" : knowsRSA ? "ssh-rsa SHA256:" : "rsa-sha2-512, rsa-sha2-256"
    #expect(
      check.stdout.contains("host key changed (pinned ssh-ed25519 \(pinned), offered \(offered)")
        && check.stdout.contains("certfleet host pin web"), "\(check.everything)")
    await scene.stop()
  }

  @Test func `a host whose certificate another authority has signed is not entered`() async throws {
    let scene = try await MatrixScene(.hostCertificate)
    try await scene.expect(0, "run")
    let folder = scene.scratch.path
    try await KeyPair.make(at: folder + "/evil", type: "ed25519")
    try await Program.succeed(
      try Program.find("ssh-keygen"),
      [
        "-q", "-s", folder + "/evil", "-I", "web", "-h", "-n", scene.host.address,
        folder + "/host/host_key.pub",
      ])
    try await scene.host.ssh.reload()
    let check = try await scene.expect(1, "host", "check", "web")
    #expect(
      check.stdout.contains("host key changed (pinned @cert-authority ssh-ed25519 SHA256:"),
      "\(check.everything)")
    await scene.stop()
  }

  @Test func `a wrong password is told, named and not tried again`() async throws {
    let scene = try await MatrixScene(.password)
    try Files.write(scene.scratch.path + "/password", "open barley\n", mode: 0o600)
    let check = try await scene.expect(1, "host", "check", "web")
    #expect(check.stdout.contains("refused the password in "), "\(check.everything)")
    #expect(check.stdout.contains("it was not tried again"))
    let plain = try await MatrixScene(
      .password, host: "identity: 'id_ed25519', become: true, base: '/etc/certs'")
    let refused = try await plain.expect(1, "host", "check", "web")
    #expect(refused.stdout.contains("a password is required"), "\(refused.everything)")
    await plain.stop()
    await scene.stop()
  }

  @Test func `a refused login names the keys that were tried`() async throws {
    let scene = try await MatrixScene(
      .hardened, options: ["MaxAuthTries 2"], host: "identity: 'other', connection: 'ssh'")
    try await KeyPair.make(at: scene.scratch.path + "/other", type: "ed25519")
    let check = try await scene.expect(1, "host", "check", "web")
    #expect(
      check.stdout.contains("keys tried: \(scene.scratch.path)/other (ED25519 SHA256:"), "\(check.everything)"
    )
    await scene.stop()
  }
}

/// One host with one certificate from files, and two more to be reached through.
struct MatrixScene {
  let scratch: ScratchFolder
  let certfleet: CertfleetProgram
  let host: PrivateHost
  let hops: [SSHServer]
  let base: String
  var broken: String { scratch.path + "/broken" }
  /// Where the host's users write, too.
  var steer: String { scratch.path + "/steer" }

  init(_ cell: ConnectionMatrixTests.Cell, options: [String]? = nil, host declared: String? = nil)
    async throws
  {
    scratch = try ScratchFolder()
    certfleet = CertfleetProgram(home: scratch.path + "/state")
    let folder = scratch.path
    try await KeyPair.make(at: folder + "/id_ed25519", type: "ed25519")
    try await KeyPair.make(at: folder + "/rsa", type: "rsa")
    try await KeyPair.make(at: folder + "/ca", type: "ed25519")
    try await KeyPair.make(at: folder + "/certified", type: "ed25519")
    try await Program.succeed(
      try Program.find("ssh-keygen"),
      ["-q", "-s", folder + "/ca", "-I", "ops", "-n", "ops", folder + "/certified.pub"])
    // Where sudo does not ask, a password that were sent all the same would be run as a command.
    let password = cell == .password ? "open sesame" : ": >\(folder)/steer/leaked"
    try Files.write(folder + "/password", password + "\n", mode: 0o600)
    // The built-in support of tokens looks for one at the USB; a software one is named in ssh_config.
    let token = cell == .fido ? try await SecurityKey.make(at: folder + "/fido") : ""
    let keys =
      Files.read(folder + "/id_ed25519.pub") + Files.read(folder + "/rsa.pub")
      + (cell == .fido ? Files.read(folder + "/fido.pub") : "")
    let network = Loopback.random()
    var certified: [String] = []
    if cell == .hostCertificate {
      try Files.makeFolder(folder + "/host")
      try await KeyPair.make(at: folder + "/host/host_key", type: "ed25519")
      try await Program.succeed(
        try Program.find("ssh-keygen"),
        ["-q", "-s", folder + "/ca", "-I", "web", "-h", "-n", network.host(1), folder + "/host/host_key.pub"])
      certified = ["HostCertificate \(folder)/host/host_key-cert.pub"]
    }
    host = try await PrivateHost(
      in: folder + "/host", at: network.host(1), accounts: [cell.login], authorizedKey: keys,
      options: (options ?? cell.options) + certified + ["TrustedUserCAKeys \(folder)/ca.pub"])
    var hops: [SSHServer] = []
    if cell == .jumps || cell == .proxyCommand {
      for number in 2...3 {
        hops.append(
          try await SSHServer(
            in: folder + "/hop\(number)", at: network.host(number), home: folder + "/home\(number)",
            authorizedKey: keys))
      }
    }
    self.hops = hops
    base =
      cell.host.contains("/etc/certs")
      ? "/etc/certs" : cell == .sudoUser ? "/home/app/certs" : "/home/ops/certs"
    try await SelfSigned.make("one.example", in: folder)
    let configured =
      switch cell {
      case .fido: "IdentityFile \(folder)/fido\n  SecurityKeyProvider \(token)"
      case .proxyCommand:
        "IdentityFile \(folder)/id_ed25519\n  ProxyCommand ssh -F none -i \(folder)/id_ed25519 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p 2222 -W %h:%p \(hops[0].address)"
      default: ""
      }
    try Files.write(
      folder + "/config", "Host \(network.host(1))\n  User ops\n  Port 2222\n  \(configured)\n")
    let jumps =
      cell == .jumps
      ? """
      {name: 'first', address: '\(hops[0].address)', port: 2222, user: 'root', identity: 'id_ed25519'},
      {name: 'second', address: '\(hops[1].address)', port: 2222, user: 'root', identity: 'id_ed25519', via: 'first'},
      """ : ""
    let host = declared ?? cell.host
    try scratch.write(
      "fleet.json5",
      """
      { hosts: [\(jumps)
          {name: 'web', address: '\(network.host(1))', \(host.contains("ssh_config") ? "" : "port: 2222, user: 'ops', ")\(host.contains("base:") ? "" : "base: '~/certs', ")\(host), labels: {role: 'web'}}],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: 'role=web', hooks: {deploy: 'if [ -e \(folder)/steer/hold ]; then : >\(folder)/steer/holding; while [ -e \(folder)/steer/hold ]; do sleep 0.1; done; fi; [ "$CERTFLEET_ACTION" = rollback ] || [ ! -e \(folder)/broken ]'}}]}] }
      """)
    chmod(folder, 0o755)
    try Files.makeFolder(folder + "/steer")
    chmod(folder + "/steer", 0o777)
    try await expect(0, "apply", folder + "/fleet.json5")
    for (name, server) in zip(["first", "second"], cell == .jumps ? hops : []) {
      try await expect(0, "host", "pin", name, "--fingerprint", try await server.fingerprint())
    }
    guard cell == .hostCertificate else {
      try await expect(0, "host", "pin", "web", "--fingerprint", try await self.host.ssh.fingerprint())
      return
    }
    // Nobody has seen the host's own key.
    let known = try scratch.write("known", "@cert-authority * \(Files.read(folder + "/ca.pub"))")
    try await expect(0, "host", "pin", "web", "--from-known-hosts", known)
  }

  @discardableResult
  func expect(_ status: Int32, _ arguments: String...) async throws -> Program.Result {
    let result = try await Program.run(
      CertfleetProgram.path, arguments,
      environment: certfleet.environment.merging(["SSH_AUTH_SOCK": ""]) { $1 })
    guard result.status == status else {
      throw Program.Failed(
        "certfleet \(arguments.joined(separator: " ")) ended with \(result.status): \(result.everything) \(host.ssh.log.suffix(1500))"
      )
    }
    return result
  }

  func hasNewerLibSSH2() async throws -> Bool {
    let version = try await expect(0, "--version").stdout
    let numbers = version.firstMatch(of: /libssh2 1\.([0-9]+)\./).flatMap { Int($0.1) }
    return (numbers ?? 0) >= 11
  }

  func renew() async throws { try await SelfSigned.make("one.example", in: scratch.path) }

  func generation() async throws -> String {
    try await host.run("readlink \(base)/live/one.example || true").split(separator: "/").last.map {
      String($0.trimmingCharacters(in: .newlines))
    } ?? "-"
  }

  /// sshd reads its key anew where it is told to.
  func exchangeKey(_ type: String) async throws {
    let file = host.ssh.hostKeyFile
    for name in [file, file + ".pub"] { try FileManager.default.removeItem(atPath: name) }
    try await KeyPair.make(at: file, type: type)
    try await host.ssh.reload()
  }

  func stop() async {
    for hop in hops { await hop.stop() }
    await host.ssh.stop()
  }
}
