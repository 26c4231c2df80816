import Foundation
import ThrowawayFleet

/// How often a visit waits for the network, counted through a proxy that adds 50 ms each way.
struct RoundTrips {
  private static let delay = 0.05

  /// Beyond connecting, libssh2's handshake and the login.
  static func ofAVisit(_ scene: FleetScene) async throws -> Double {
    let proxy = try DelayProxy(to: FleetScene.address(1), 2222, delay: delay)
    func visit(_ port: UInt16) async throws -> Double {
      try await least { try await scene.certfleet(hosts: 1, port: port).wall }
    }
    func login(_ port: UInt16) async throws -> Double {
      try await least { try await scene.raw(hosts: 1, port: port, onlyLogsIn: true).wall }
    }
    let slower = try await visit(proxy.port) - (try await visit(2222))
    let login = try await login(proxy.port) - (try await login(2222))
    return (slower - login) / (2 * delay)
  }

  private static func least(_ measure: () async throws -> Double) async throws -> Double {
    var least = Double.infinity
    for _ in 0..<3 { least = min(least, try await measure()) }
    return least
  }
}

/// Takes connections at a port of every loopback address and hands their bytes on, each so much later.
final class DelayProxy: Sendable {
  let port: UInt16 = 2022
  private let listener: Int32

  init(to address: String, _ target: UInt16, delay: Double) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var (on, own) = (Int32(1), sockaddr_in())
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    own.sin_family = sa_family_t(AF_INET)
    own.sin_port = port.bigEndian
    let isListening = withUnsafePointer(to: &own) { [listener] in
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(listener, 64) == 0
      }
    }
    guard isListening else { throw Program.Failed("the proxy cannot listen") }
    Thread { [listener] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        let server = Loopback.connect(address, target)
        Self.carry(from: client, to: server, delay)
        Self.carry(from: server, to: client, delay)
      }
    }.start()
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// One thread takes and one gives, so that what comes is not held up by what waits.
  private static func carry(from source: Int32, to target: Int32, _ delay: Double) {
    var on: Int32 = 1
    setsockopt(target, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    let (stream, hand) = AsyncStream.makeStream(of: (due: ContinuousClock.Instant, bytes: [UInt8]).self)
    Thread {
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while true {
        let count = recv(source, &buffer, buffer.count, 0)
        hand.yield((.now + .seconds(delay), Array(buffer.prefix(max(count, 0)))))
        guard count > 0 else { return hand.finish() }
      }
    }.start()
    Task.detached {
      for await (due, bytes) in stream {
        try? await Task.sleep(until: due, tolerance: .zero)
        guard !bytes.isEmpty else { break }
        send(target, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      }
      shutdown(target, Int32(SHUT_WR))
    }
  }
}
