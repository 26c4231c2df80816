import Foundation
import Synchronization

/// A network between two machines: it takes connections at one address and hands their bytes on to another one. While it is cut nothing
/// comes through, and nobody is told.
package final class Relay: Sendable {
  private let listener: Int32
  private let port: UInt16
  private let state: Mutex<State>

  private struct State {
    var target: String
    var isCut = false
    var isStopped = false
    var connections: Set<Int32> = []
  }

  /// - Parameters:
  ///   - address: where it listens.
  ///   - target: where it leads; the port is the same.
  package init(at address: String, to target: String, port: UInt16) throws {
    self.port = port
    state = Mutex(State(target: target))
    listener = try Loopback.listen(address, port)
    Thread { [self] in serve() }.start()
  }

  /// Where new connections lead.
  package func lead(to target: String) { state.withLock { $0.target = target } }
  package func cut() { state.withLock { $0.isCut = true } }
  package func mend() { state.withLock { $0.isCut = false } }

  package func stop() {
    let connections = state.withLock { state in
      state.isStopped = true
      return state.connections
    }
    shutdown(listener, Int32(SHUT_RDWR))
    for one in connections { shutdown(one, Int32(SHUT_RDWR)) }
  }

  private func serve() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      waitWhileCut()
      let server = Loopback.connect(state.withLock(\.target), port)
      guard server >= 0 else {
        close(client)
        continue
      }
      state.withLock { $0.connections.formUnion([client, server]) }
      let shared = Pair(client: client, server: server)
      Thread { [self] in hand(from: client, to: server, shared) }.start()
      Thread { [self] in hand(from: server, to: client, shared) }.start()
    }
    close(listener)
  }

  /// Two directions that close both descriptors when the second one has ended.
  private final class Pair: Sendable {
    let client: Int32
    let server: Int32
    let left = Atomic(2)
    init(client: Int32, server: Int32) { (self.client, self.server) = (client, server) }
  }

  private func waitWhileCut() {
    while state.withLock({ $0.isCut && !$0.isStopped }) { usleep(20_000) }
  }

  private func hand(from source: Int32, to target: Int32, _ pair: Pair) {
    var bytes = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(source, &bytes, bytes.count)
      waitWhileCut()
      guard count > 0 else { break }
      var sent = 0
      while sent < count {
        let written = bytes[sent..<count].withUnsafeBytes {
          send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard written > 0 else { break }
        sent += written
      }
      guard sent == count else { break }
    }
    for one in [source, target] { shutdown(one, Int32(SHUT_RDWR)) }
    guard pair.left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    state.withLock { $0.connections.subtract([pair.client, pair.server]) }
    close(pair.client)
    close(pair.server)
  }
}
