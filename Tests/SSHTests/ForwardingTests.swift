import Foundation
import SSH
import System
import Testing
import ThrowawayFleet

/// Hosts that are reached through others.
@Suite struct ForwardingTests {
  private let scratch: ScratchFolder
  private let network = Loopback.random()
  private let loop = EventLoop()
  private let user = SystemUser.name

  init() async throws {
    scratch = try ScratchFolder()
    try await KeyPair.make(at: scratch.path + "/id", type: "ed25519")
  }

  private func server(_ number: Int, _ options: String...) async throws -> SSHServer {
    try await SSHServer(
      in: scratch.path + "/sshd\(number)", at: network.host(number), home: scratch.path + "/home\(number)",
      authorizedKey: Files.read(scratch.path + "/id.pub"), extraOptions: options)
  }

  private func login(
    _ server: SSHServer, by route: ConnectedSocket.Route = .direct, key: ServerKey? = nil
  ) async throws -> SSHConnection {
    let endpoint = Endpoint(address: server.address, port: server.port)
    let pinned: ServerKey
    if let key {
      pinned = key
    } else {
      let looked = try await SSHConnection.connect(
        to: endpoint, by: route, expecting: .look(ServerKey.knownTypes), on: loop, within: .seconds(60))
      await looked.connection.close()
      pinned = looked.key
    }
    let connection = try await SSHConnection.connect(
      to: endpoint, by: route, expecting: .pinned([pinned]), on: loop, within: .seconds(60)
    ).connection
    try await connection.authenticate(
      as: user, with: .file(path: scratch.path + "/id"), within: .seconds(60))
    return connection
  }

  private func output(_ connection: SSHConnection, _ command: String, stdin: [UInt8] = []) async throws
    -> [UInt8]
  {
    try await connection.execute(command, within: .seconds(60))
    try await connection.send(stdin, within: .seconds(30))
    var said: [UInt8] = []
    while true {
      switch try await connection.receive(within: .seconds(30)) {
      case .stdout(let bytes): said += bytes
      case .stderr: continue
      case .ended:
        await connection.close()
        return said
      }
    }
  }

  @Test func `one hop and two carry what one connection carries, each with its own key`() async throws {
    let servers = [try await server(1), try await server(2), try await server(3)]
    let first = try await login(servers[0])
    let second = try await login(servers[1], by: .through(first))
    let third = try await login(servers[2], by: .through(second))
    let stdin = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(try await output(third, "head -c 400000 | tee ~/in", stdin: stdin) == stdin)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/home3") == ["in"])
    #expect(servers[2].log.contains("Accepted publickey"))
    for connection in [second, first] { await connection.close() }
    for server in servers { await server.stop() }
  }

  @Test func `many go through one at the same time, and none is mixed up with another`() async throws {
    let (jump, target) = (try await server(1), try await server(2))
    let first = try await login(jump)
    let looked = try await SSHConnection.connect(
      to: Endpoint(address: target.address, port: target.port), by: .through(first),
      expecting: .look(ServerKey.knownTypes), on: loop, within: .seconds(60))
    await looked.connection.close()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<40 {
        group.addTask {
          let stdin = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* (number + 3)) }
          let connection = try await login(target, by: .through(first), key: looked.key)
          return try await output(connection, "head -c 150000", stdin: stdin) == stdin
        }
      }
      for try await isWhole in group { #expect(isWhole) }
    }
    #expect(await first.isOpen)
    await first.close()
    for server in [jump, target] { await server.stop() }
  }

  /// What one call of libssh2 receives for another is in no socket any more: a wait for it would last for ever, once in some
  /// thousand answers.
  @Test(arguments: [false, true])
  func `no answer of many thousands is missed`(isThroughAnother: Bool) async throws {
    let (jump, target) = (try await server(1), try await server(2))
    let first = isThroughAnother ? try await login(jump) : nil
    let route = first.map { ConnectedSocket.Route.through($0) } ?? .direct
    let talking = try await login(target, by: route)
    let silent = try await login(target, by: route)
    try await converse(over: talking, times: 20_000)
    for connection in [talking, silent] { await connection.close() }
    await first?.close()
    for server in [jump, target] { await server.stop() }
  }

  private func converse(over connection: SSHConnection, times: Int) async throws {
    try await connection.execute("exec cat", within: .seconds(60))
    for number in 0..<times {
      let byte = UInt8(truncatingIfNeeded: number)
      try await connection.send([byte], within: .seconds(30))
      guard case .stdout([byte]) = try await connection.receive(within: .seconds(30)) else {
        Issue.record("another answer than the question, at \(number)")
        return
      }
    }
  }

  @Test
  func
    `a host that the jump host does not reach is given up in time, and who waits behind it goes elsewhere`()
    async throws
  {
    let (jump, target) = (try await server(1), try await server(2))
    let first = try await login(jump)
    let through = try await login(target, by: .through(first))
    let swallowing = try SwallowingPort(at: network.host(3))
    let started = ContinuousClock.now
    let dead = Task {
      try await ConnectedSocket.connect(
        to: Endpoint(address: network.host(3), port: 2222), by: .through(first), on: loop, within: .seconds(3)
      )
    }
    try await Task.sleep(for: .milliseconds(200))
    await #expect {
      _ = try await ConnectedSocket.connect(
        to: Endpoint(address: target.address, port: 2222), by: .through(first), on: loop, within: .seconds(60)
      )
    } throws: {
      guard case .occupied(let why) = $0 as? SSHFailure else { return false }
      return why.contains("the jump host was still trying to reach \(network.host(3)):2222")
    }
    await first.retire()
    await #expect { _ = try await dead.value } throws: { "\($0)".contains("2222 timed out at the jump host") }
    #expect(started.duration(to: .now) < .seconds(30))
    // What goes through it goes on to its end, and it ends with that.
    #expect(try await output(through, "echo still here") == Array("still here\n".utf8))
    try await eventually("the retired connection is closed") { await !first.isOpen }
    swallowing.close()
    for server in [jump, target] { await server.stop() }
  }

  /// libssh2 gives a channel that is being opened up after a minute, and calls that an error of the session.
  @Test func `what goes through a jump host outlives its longest tries to reach another`() async throws {
    let (jump, target) = (try await server(1), try await server(2))
    let first = try await login(jump)
    let through = try await login(target, by: .through(first))
    try await through.execute("exec cat", within: .seconds(60))
    let swallowing = try SwallowingPort(at: network.host(3))
    await #expect(throws: SSHFailure.self) {
      _ = try await ConnectedSocket.connect(
        to: Endpoint(address: network.host(3), port: 2222), by: .through(first), on: loop, within: .seconds(1)
      )
    }
    for byte in UInt8(0)..<13 {
      try await Task.sleep(for: .seconds(5))
      try await through.send([byte], within: .seconds(60))
      guard case .stdout([byte]) = try await through.receive(within: .seconds(60)) else {
        Issue.record("another answer than the question, at \(byte)")
        return
      }
    }
    for connection in [through, first] { await connection.close() }
    swallowing.close()
    for server in [jump, target] { await server.stop() }
  }

  @Test func `what stands in the way is told apart`() async throws {
    let (jump, closed, target) = (
      try await server(1), try await server(2, "AllowTcpForwarding no"), try await server(3)
    )
    let (first, strict) = (try await login(jump), try await login(closed))
    let nobody = Endpoint(address: network.host(9), port: 2222)
    for (way, endpoint) in [(first, nobody), (strict, Endpoint(address: target.address, port: target.port))] {
      await #expect {
        try await SSHConnection.connect(
          to: endpoint, by: .through(way), expecting: .look(ServerKey.knownTypes), on: loop,
          within: .seconds(60))
      } throws: {
        "\($0)".contains("the jump host cannot reach \(endpoint.address):2222, or may not forward to it")
      }
    }
    let through = try await login(target, by: .through(first))
    try await through.execute("echo here; exec cat", within: .seconds(60))
    guard case .stdout = try await through.receive(within: .seconds(60)) else {
      Issue.record("the command did not begin")
      return
    }
    jump.killSessions()
    await jump.stop()
    await first.close()
    await #expect { try await through.receive(within: .seconds(60)) } throws: {
      guard case .lost = $0 as? SSHFailure else { return false }
      return true
    }
    await #expect(throws: SSHFailure.self) { try await login(target, by: .through(first)) }
    for server in [closed, target] { await server.stop() }
  }
}
