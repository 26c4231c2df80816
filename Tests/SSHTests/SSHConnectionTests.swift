import Foundation
import SSH
import System
import Testing
import ThrowawayFleet

@Suite struct SSHConnectionTests {
  private let scratch: ScratchFolder
  private let network = Loopback.random()
  private let server: SSHServer
  private let loop = EventLoop()
  private let user = SystemUser.name

  init() async throws {
    scratch = try ScratchFolder()
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
    server = try await SSHServer(
      in: scratch.path + "/sshd", at: network.host(1), home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"))
  }

  private var endpoint: Endpoint { Endpoint(address: server.address, port: server.port) }

  private func look() async throws -> ServerKey {
    let made = try await SSHConnection.connect(
      to: endpoint, expecting: .look(ServerKey.knownTypes), on: loop, within: .seconds(60))
    await made.connection.close()
    return made.key
  }

  private func login(_ credential: Credential) async throws -> SSHConnection {
    let made = try await SSHConnection.connect(
      to: endpoint, expecting: .pinned([try await look()]), on: loop, within: .seconds(60))
    do {
      try await made.connection.authenticate(as: user, with: credential, within: .seconds(60))
    } catch {
      await made.connection.close()
      throw error
    }
    return made.connection
  }

  /// Everything that a command says on stdout, and its status.
  private func output(_ connection: SSHConnection, _ command: String, stdin: [UInt8] = []) async throws -> (
    text: String, status: Int
  ) {
    try await connection.execute(command, within: .seconds(60))
    try await connection.send(stdin, within: .seconds(60))
    var text: [UInt8] = []
    while true {
      switch try await connection.receive(within: .seconds(60)) {
      case .stdout(let bytes): text += bytes
      case .stderr: continue
      case .ended(let status):
        await connection.close()
        return (String(decoding: text, as: UTF8.self), status)
      }
    }
  }

  @Test func `the key that is shown is the one that ssh-keygen shows`() async throws {
    #expect(try await look().fingerprint == server.fingerprint())
    await server.stop()
  }

  @Test(arguments: ["ed25519", "ecdsa"])
  func `a command gets its stdin whole and its streams and status come back`(type: String) async throws {
    let key = scratch.path + "/id-\(type)"
    try await KeyPair.make(at: key, type: type)
    try Files.write(scratch.path + "/sshd/authorized_keys", Files.read(key + ".pub"))
    let stdin = [UInt8](repeating: 120, count: 300_000)
    let result = try await output(
      try await login(.file(path: key)), "head -c 300000 | wc -c; echo noise >&2; exit 7", stdin: stdin)
    #expect(result.text.contains("300000") && result.status == 7)
    await server.stop()
  }

  @Test func `another key than the pinned one is refused, with both fingerprints, before any login`()
    async throws
  {
    let pinned = ServerKey(type: "ssh-ed25519", blob: [1, 2, 3], fingerprint: "SHA256:old")
    let offered = try await look().fingerprint
    await #expect {
      try await SSHConnection.connect(
        to: endpoint, expecting: .pinned([pinned]), on: loop, within: .seconds(60))
    } throws: {
      $0 as? SSHFailure
        == .hostKey(
          "host key changed (pinned ssh-ed25519 SHA256:old, offered ssh-ed25519 \(offered))")
    }
    #expect(!server.log.contains("Accepted"))
    await server.stop()
  }

  @Test func `a pinned type that the server has not is another server's key`() async throws {
    let pinned = ServerKey(type: "ecdsa-sha2-nistp256", blob: [1], fingerprint: "SHA256:old")
    await #expect {
      try await SSHConnection.connect(
        to: endpoint, expecting: .pinned([pinned]), on: loop, within: .seconds(60))
    } throws: { $0 as? SSHFailure == .otherKeyType(offered: ["ssh-ed25519"]) }
    await server.stop()
  }

  @Test func `a refused key, a missing one and a locked one are told apart`() async throws {
    try await KeyPair.make(at: scratch.path + "/other", type: "ed25519")
    let other = scratch.path + "/other"
    await #expect { try await login(.file(path: other)) } throws: { error in
      guard case .authentication(let why) = error as? SSHFailure else { return false }
      return why.contains("refused the key \(other) for user")
    }
    try await KeyPair.make(at: scratch.path + "/locked", type: "ed25519", passphrase: "secret")
    let locked = scratch.path + "/locked"
    #expect { try Credential.choose(identity: locked, environment: [:]) } throws: {
      "\($0)".contains("ssh-add \(locked)")
    }
    #expect { try Credential.choose(identity: "/nope", environment: [:]) } throws: {
      "\($0)".contains("/nope does not exist")
    }
    #expect { try Credential.choose(identity: nil, environment: ["HOME": "/nope"]) } throws: {
      "\($0)".contains("ssh-keygen")
    }
    await server.stop()
  }

  @Test func `an agent's key logs in, also the one of a locked file`() async throws {
    try await KeyPair.make(at: scratch.path + "/locked", type: "ed25519", passphrase: "secret")
    try Files.write(scratch.path + "/sshd/authorized_keys", Files.read(scratch.path + "/locked.pub"))
    let socket = scratch.path + "/agent"
    let agent = try Running(
      try Program.find("ssh-agent"), ["-D", "-a", socket], stdout: scratch.path + "/a.log",
      stderr: scratch.path + "/a.log")
    try await eventually("the agent's socket") { FileManager.default.fileExists(atPath: socket) }
    let ask = scratch.path + "/ask"
    try await Files.writeProgram(ask, "#!/bin/sh\necho secret\n")
    func add() async throws -> Program.Result {
      return try await Program.run(
        try Program.find("ssh-add"), [scratch.path + "/locked"],
        environment: [
          "SSH_AUTH_SOCK": socket, "SSH_ASKPASS": ask, "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0",
        ])
    }
    var added = try await add()
    // A test beside this one may just be starting a program, which has `ask` open for writing until it is another
    // program (ETXTBSY in execve(2)).
    for _ in 1...4 where added.status != 0 { added = try await add() }
    #expect(added.status == 0, "\(added.everything)")
    // libssh2 finds the agent by this variable of the process, and no other test uses an agent.
    setenv("SSH_AUTH_SOCK", socket, 1)
    let credential = try Credential.choose(
      identity: scratch.path + "/locked", environment: ["SSH_AUTH_SOCK": socket])
    #expect(try await output(try await login(credential), "echo in").text == "in\n")
    #expect(try await output(try await login(.agent(blob: nil)), "echo in").text == "in\n")
    await agent.stop()
    // An agent that does not answer keeps nobody else from going on.
    let silent = try SilentSocket(at: scratch.path + "/silent")
    setenv("SSH_AUTH_SOCK", silent.path, 1)
    let connection = try await SSHConnection.connect(
      to: endpoint, expecting: .look(ServerKey.knownTypes), on: loop, within: .seconds(60)
    ).connection
    // Long enough for a full machine to be through with all others before.
    let patience = Duration.seconds(25)
    let started = ContinuousClock.now
    let waiting = Task {
      try await connection.authenticate(as: user, with: .agent(blob: nil), within: patience)
    }
    try await eventually("the agent is asked") { silent.isAsked }
    _ = try await look()
    #expect(started.duration(to: .now) < patience)
    await #expect { try await waiting.value } throws: { "\($0)".contains("the SSH agent does not answer") }
    await connection.close()
    // Nobody else of this process waits for it again, with a thread and a descriptor each.
    let second = try await SSHConnection.connect(
      to: endpoint, expecting: .look(ServerKey.knownTypes), on: loop, within: .seconds(60)
    ).connection
    let asked = ContinuousClock.now
    await #expect {
      try await second.authenticate(as: user, with: .agent(blob: nil), within: patience)
    } throws: {
      "\($0)".contains("the SSH agent does not answer")
    }
    #expect(asked.duration(to: .now) < patience / 2)
    await second.close()
    silent.close()
    unsetenv("SSH_AUTH_SOCK")
    await server.stop()
  }

  @Test func `nobody there, nobody speaking SSH, and silence are told apart and end`() async throws {
    await server.stop()
    let refused = Endpoint(address: network.host(2), port: 2222)
    await #expect {
      try await SSHConnection.connect(to: refused, expecting: .look([]), on: loop, within: .seconds(60))
    } throws: { $0 as? SSHFailure == .unreachable("cannot connect to \(refused): connection refused") }
    await #expect {
      try await SSHConnection.connect(
        to: Endpoint(address: "no-such-host.invalid", port: 22), expecting: .look([]), on: loop,
        within: .seconds(60))
    } throws: { "\($0)".contains("no-such-host.invalid cannot be resolved") }
    let silent = try ListeningSocket(address: network.host(3))
    await #expect {
      try await SSHConnection.connect(
        to: Endpoint(address: network.host(3), port: silent.port), expecting: .look([]), on: loop,
        within: .seconds(3))
    } throws: { "\($0)".contains("timed out at the handshake") }
  }

  @Test(.timeLimit(.minutes(10)), arguments: [1, 7, 64, 256])
  func `300 connections end at any width, each with its command`(width: Int) async throws {
    let key = try await look()
    try await withThrowingTaskGroup(of: String.self) { group in
      var begun = 0
      func begin() {
        guard begun < 300 else { return }
        begun += 1
        group.addTask {
          let made = try await SSHConnection.connect(
            to: endpoint, expecting: .pinned([key]), on: loop, within: .seconds(120))
          try await made.connection.authenticate(
            as: user, with: .file(path: scratch.path + "/id"), within: .seconds(120))
          return try await output(made.connection, "echo done").text
        }
      }
      for _ in 0..<width { begin() }
      var ended = 0
      for try await text in group {
        #expect(text == "done\n")
        ended += 1
        begin()
      }
      #expect(ended == 300)
    }
    await server.stop()
  }

  /// Some 77,000 connections to a real sshd take minutes, so this is for whoever changes the loop; each run tries the loop
  /// alone at the same widths.
  private static let triesAllWidths = ProcessInfo.processInfo.environment["CERTFLEET_ALL_WIDTHS"] != nil

  @Test(.enabled(if: triesAllWidths, "takes minutes: CERTFLEET_ALL_WIDTHS=1"), .timeLimit(.minutes(30)))
  func `every width from 1 to 256 over 300 hosts agrees on keys with each`() async throws {
    let key = try await look()
    for width in 1...256 {
      let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
        var (begun, ended) = (0, 0)
        func begin() {
          guard begun < 300 else { return }
          begun += 1
          group.addTask {
            let made = try await SSHConnection.connect(
              to: endpoint, expecting: .pinned([key]), on: loop, within: .seconds(120))
            await made.connection.close()
            return made.key == key
          }
        }
        for _ in 0..<width { begin() }
        for try await isRight in group {
          ended += isRight ? 1 : 0
          begin()
        }
        return ended
      }
      #expect(ended == 300, "width \(width)")
    }
    await server.stop()
  }

  @Test func `a connection that is lost before the command begins may be made anew`() async throws {
    let connection = try await login(.file(path: scratch.path + "/id"))
    server.killSessions()
    await #expect { try await connection.execute("echo in", within: .seconds(60)) } throws: {
      "\($0)".contains("closed the connection before the command began")
        && ($0 as? SSHFailure)?.isUnreachable == true
    }
    // sshd asks a program for the keys, which waits for somebody to open its pipe, and ends when that is closed.
    let pipe = scratch.path + "/pipe"
    mkfifo(pipe, 0o600)
    let slow = try await SSHServer(
      in: scratch.path + "/slow", at: network.host(2), home: scratch.path + "/home",
      authorizedKey: Files.read(scratch.path + "/id.pub"),
      extraOptions: ["AuthorizedKeysCommand /bin/cat \(pipe)", "AuthorizedKeysCommandUser root"])
    try Files.write(scratch.path + "/slow/authorized_keys", "")
    let made = try await SSHConnection.connect(
      to: Endpoint(address: slow.address, port: slow.port), expecting: .look(ServerKey.knownTypes), on: loop,
      within: .seconds(60))
    let entering = Task {
      try await made.connection.authenticate(
        as: user, with: .file(path: scratch.path + "/id"), within: .seconds(30))
    }
    var end: Int32 = -1
    try await eventually("sshd looks for the keys") {
      end = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
      return end >= 0
    }
    slow.killSessions()
    await #expect { try await entering.value } throws: {
      "\($0)".contains("closed the connection at the login") && ($0 as? SSHFailure)?.isUnreachable == true
    }
    close(end)
    for server in [slow, server] { await server.stop() }
  }

  @Test func `a server that is too busy, talks without end or is none is told apart`() async throws {
    await server.stop()
    for (says, expected) in [
      ("Exceeded MaxStartups\r\n", "takes no connection now: 'Exceeded MaxStartups'"),
      ("Not allowed at this time\r\n", "takes no connection now: 'Not allowed at this time'"),
      ("", "closed the connection before it said anything"),
      ("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SSH: it says 'HTTP/1.1 400 Bad Request'"),
      (String(repeating: "\u{1B}[2Jx\r\n", count: 10_000), "does not speak SSH: it says '?[2Jx'"),
      (String(repeating: "y", count: 100_000), "does not speak SSH: it says 'yyy"),
    ] {
      let talking = try TalkingServer(says: says)
      await #expect {
        try await SSHConnection.connect(
          to: Endpoint(address: "127.0.0.1", port: talking.port), expecting: .look(ServerKey.knownTypes),
          on: loop, within: .seconds(60))
      } throws: { "\($0)".contains(expected) }
    }
  }

  @Test func `a locked key opens with its passphrase, and an RSA key is named where libssh2 cannot use it`()
    async throws
  {
    try await KeyPair.make(at: scratch.path + "/locked", type: "ed25519", passphrase: "secret")
    try await KeyPair.make(at: scratch.path + "/rsa", type: "rsa")
    try Files.write(
      scratch.path + "/sshd/authorized_keys",
      Files.read(scratch.path + "/locked.pub") + Files.read(scratch.path + "/rsa.pub"))
    let right = try scratch.write("right", "secret\n")
    let wrong = try scratch.write("wrong", "guess\n")
    let credential = try Credential.choose(
      identity: scratch.path + "/locked", passphraseFile: right, environment: [:])
    #expect(try await output(try await login(credential), "echo in").text == "in\n")
    await #expect { try await login(.file(path: scratch.path + "/locked", passphrase: wrong)) } throws: {
      "\($0)".contains("is the passphrase right?")
    }
    do {
      let made = try await login(.file(path: scratch.path + "/rsa"))
      #expect(try await output(made, "echo in").text == "in\n")
    } catch {
      #expect(
        "\(error)".contains("it is an RSA key, which libssh2 1.10") && "\(error)".contains("with SHA-1"))
    }
    await server.stop()
  }
}

/// A socket that accepts by its backlog and says nothing.
private final class ListeningSocket {
  let port: UInt16 = 2200
  private let descriptor: Int32

  init(address: String) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var own = sockaddr_in()
    own.sin_family = sa_family_t(AF_INET)
    own.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &own.sin_addr)
    let bound = withUnsafePointer(to: &own) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(descriptor, 8) == 0 else { throw Program.Failed("no listening socket") }
  }

  deinit { close(descriptor) }
}

/// A socket that takes connections and says nothing.
private struct SilentSocket {
  let path: String
  private let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)

  init(at path: String) throws {
    self.path = path
    var own = sockaddr_un()
    own.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &own.sun_path) { $0.copyBytes(from: path.utf8) }
    let isListening = withUnsafePointer(to: &own) { [descriptor] in
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(descriptor, 4) == 0
      }
    }
    guard isListening else { throw Program.Failed("nothing can listen at \(path)") }
  }

  /// Whether somebody has connected, whom nobody takes.
  var isAsked: Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) == 1
  }

  func close() { Foundation.close(descriptor) }
}

extension SSHFailure {
  fileprivate var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
}
