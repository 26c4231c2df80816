import Foundation
import Synchronization
import Testing
import ThrowawayFleet

@testable import SSH

/// The loop alone, at every width: connections that come and go so fast that their descriptors' numbers are given out again
/// while others wait. A wake-up that was lost, or went to another's number, would leave a wait without an end.
@Suite struct EventLoopTests {
  private static let connections = 300
  private static let widths = 1...256

  @Test(.timeLimit(.minutes(10))) func `at every width from 1 to 256 all connections end`() async throws {
    let servers = try (0..<16).map { _ in try TalkingServer(says: "x") }
    let loop = EventLoop()
    for width in Self.widths {
      let ended = try await withThrowingTaskGroup(of: Int.self) { group in
        let rest = Counter(Self.connections)
        for _ in 0..<width {
          group.addTask {
            let client = Client(loop)
            var ended = 0
            while let number = await rest.next() {
              try await client.talk(to: servers[number % servers.count].port)
              ended += 1
            }
            return ended
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(ended == Self.connections, "width \(width)")
    }
  }

  @Test func `of a name's addresses the first that answers is taken, and of none each reason is said`()
    async throws
  {
    let server = try TalkingServer(says: "x")
    let loop = EventLoop()
    // Mostly ::1 and 127.0.0.1, of which only the second listens.
    _ = try await ConnectedSocket.connect(
      to: Endpoint(address: "localhost", port: server.port), on: loop, within: .seconds(60))
    await #expect {
      _ = try await ConnectedSocket.connect(
        to: Endpoint(address: "localhost", port: 1), on: loop, within: .seconds(60))
    } throws: { "\($0)" == "cannot connect to localhost:1: connection refused" }
    await #expect {
      _ = try await ConnectedSocket.connect(
        to: Endpoint(address: "::1", port: 1), on: loop, within: .seconds(60))
    } throws: { "\($0)".hasPrefix("cannot connect to [::1]:1: ") }
  }

  @Test func `a wait ends at its deadline, whatever others wait for`() async throws {
    let silent = try TalkingServer(says: nil)
    let loop = EventLoop()
    let waits = [30, 5, 60, 1, 90].map { Duration.milliseconds($0 * 10) }
    try await withThrowingTaskGroup(of: (Duration, Duration).self) { group in
      for wait in waits {
        group.addTask { (wait, try await Client(loop).wait(wait, at: silent.port)) }
      }
      for try await (asked, took) in group { #expect(took >= asked && took < asked + .seconds(5)) }
    }
  }

  @Test func `a connection does not wait for threads that others keep busy`() async throws {
    let server = try TalkingServer(says: "x")
    let loop = EventLoop()
    for name in ["127.0.0.1", "localhost"] {
      try await Client(loop).connectWhileOthersWork(to: Endpoint(address: name, port: server.port))
    }
  }

  private actor Counter {
    private var left: Int
    init(_ count: Int) { left = count }

    func next() -> Int? {
      guard left > 0 else { return nil }
      left -= 1
      return left
    }
  }

  /// Tasks that leave no shared thread to anybody, from the beginning to the end, or for longer than a deadline.
  private final class OthersAtWork: Sendable {
    private let begun = Atomic(0)
    private let isOver = Atomic(false)

    init() {
      let threads = ProcessInfo.processInfo.activeProcessorCount
      for _ in 0..<threads { Task.detached { [self] in work() } }
      while begun.load(ordering: .relaxed) < threads { usleep(1000) }
    }

    func end() { isOver.store(true, ordering: .relaxed) }

    private func work() {
      begun.add(1, ordering: .relaxed)
      let last = ContinuousClock.now + .seconds(10)
      while !isOver.load(ordering: .relaxed), .now < last { usleep(1000) }
    }
  }

  private actor Client {
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ loop: EventLoop) { self.loop = loop }

    /// Until the server hangs up.
    func talk(to port: UInt16) async throws {
      let deadline = ContinuousClock.now + .seconds(60)
      let endpoint = Endpoint(address: "127.0.0.1", port: port)
      let descriptor = try await Socket.connect(to: endpoint, on: loop, until: deadline)
      defer { close(descriptor) }
      var byte: UInt8 = 0
      while true {
        let count = recv(descriptor, &byte, 1, 0)
        if count == 0 || count < 0 && errno != EAGAIN { return }
        if count > 0 { continue }
        guard await loop.wait(for: descriptor, reading: true, writing: false, until: deadline) == .ready
        else {
          throw SSHFailure.lost("a wake-up was lost")
        }
      }
    }

    /// Every thread that tasks share is held until the connection stands, or has failed.
    func connectWhileOthersWork(to endpoint: Endpoint) async throws {
      let others = OthersAtWork()
      defer { others.end() }
      close(try await Socket.connect(to: endpoint, on: loop, until: .now + .seconds(5)))
    }

    func wait(_ patience: Duration, at port: UInt16) async throws -> Duration {
      let started = ContinuousClock.now
      let endpoint = Endpoint(address: "127.0.0.1", port: port)
      let descriptor = try await Socket.connect(to: endpoint, on: loop, until: started + .seconds(10))
      defer { close(descriptor) }
      let begun = ContinuousClock.now
      let wake = await loop.wait(
        for: descriptor, reading: true, writing: false, until: begun + patience)
      #expect(wake == .timedOut)
      return begun.duration(to: .now)
    }
  }
}
