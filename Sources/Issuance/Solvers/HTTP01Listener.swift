import Dispatch
public import Fleet
import Foundation
import Synchronization

/// RFC 8555 §8.3 by a listener of our own: exact tokens are answered with their key authorization and everything
/// else with 404. One listener serves all orders at once; it listens from the first token until it is
/// closed.
public final class HTTP01Listener: Solver {
  public let type = "http-01"

  private let address: ListenAddress
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "certfleet.http-01")

  private struct State {
    var answers: [String: String] = [:]
    var source: (any DispatchSourceRead)?
    var connections = 0
  }

  /// A CA asks from a handful of places for each name, and a hundred orders may be looked at together.
  private static let mostConnections = 1024

  public init(_ address: ListenAddress) { self.address = address }

  public func present(_ proof: Proof) async throws {
    try state.withLock { state in
      if state.source == nil { state.source = try listen() }
      state.answers[proof.token] = proof.keyAuthorization
    }
  }

  public func cleanUp(_ proof: Proof) async { state.withLock { $0.answers[proof.token] = nil } }

  /// Stops listening. Not with the last token: the next order's may come before the port is free again.
  public func close() {
    state.withLock { state in
      state.source?.cancel()
      state.source = nil
    }
  }

  private func listen() throws -> any DispatchSourceRead {
    let descriptor = try ListeningSocket.open(address)
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    source.setEventHandler { [self] in
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      let admitted = state.withLock { state in
        guard state.connections < Self.mostConnections else { return false }
        state.connections += 1
        return true
      }
      guard admitted else {
        Foundation.close(connection)
        return
      }
      // A thread and not the queue: Dispatch's pool grows slowly while its threads wait for a client's bytes.
      let thread = Thread { [self] in
        serve(connection)
        Foundation.close(connection)
        state.withLock { $0.connections -= 1 }
      }
      thread.stackSize = 256 << 10
      thread.start()
    }
    // The descriptor may be reused as soon as it is closed, so it stays open until Dispatch has let go of it.
    source.setCancelHandler { Foundation.close(descriptor) }
    source.activate()
    return source
  }

  private func serve(_ connection: Int32) {
    guard let path = HTTPExchange.readPath(from: connection) else { return }
    let prefix = "/.well-known/acme-challenge/"
    let answer =
      path.hasPrefix(prefix) ? state.withLock { $0.answers[String(path.dropFirst(prefix.count))] } : nil
    HTTPExchange.reply(answer, on: connection)
  }
}
