import Dispatch
package import Fleet
import FoundationEssentials
import Glibc
import Synchronization
import System

/// RFC 8555 §8.3 by a listener of our own: exact tokens are answered with their key authorization and everything
/// else with 404. One listener serves all orders at once; it listens from the first token until it is
/// closed.
package final class HTTP01Listener: Solver {
  package let type = "http-01"

  private let address: ListenAddress
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "certfleet.http-01")

  private struct State {
    var answers: [String: String] = [:]
    var source: (any DispatchSourceRead)?
    var clients = HTTPClients()
    var hasWarned = false
  }

  /// Told what keeps the CA from being answered.
  private let warn: @Sendable (String) -> Void

  private let isShared: Bool
  /// Answers tokens that others show.
  private let lookUp: @Sendable (String) -> String?

  /// - Parameters:
  ///   - isShared: with other controllers on this machine, of which any may be asked.
  ///   - lookUp: gives the key authorization for a token that was not shown here; called from a thread that may wait.
  package init(
    _ address: ListenAddress, isShared: Bool = false, warn: @escaping @Sendable (String) -> Void = { _ in },
    lookUp: @escaping @Sendable (String) -> String? = { _ in nil }
  ) {
    self.address = address
    self.isShared = isShared
    self.warn = warn
    self.lookUp = lookUp
  }

  /// Listens before there is a token.
  package func open() throws {
    try state.withLock { state in if state.source == nil { state.source = try listen() } }
  }

  package func present(_ proof: Proof) async throws {
    try state.withLock { state in
      if state.source == nil { state.source = try listen() }
      state.answers[proof.token] = proof.keyAuthorization
    }
  }

  package func cleanUp(_ proof: Proof) async { state.withLock { $0.answers[proof.token] = nil } }

  /// Stops listening. Not with the last token: the next order's may come before the port is free again.
  package func close() {
    state.withLock { state in
      state.source?.cancel()
      state.source = nil
    }
  }

  private func listen() throws -> any DispatchSourceRead {
    let descriptor = try ListeningSocket.open(address, isShared: isShared)
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    source.setEventHandler { [self] in
      let (connection, client) = HTTPClients.accept(from: descriptor)
      guard connection >= 0 else { return refused(errno) }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      state.withLock { $0.clients.admit(connection, from: client) }
      // A thread and not the queue: Dispatch's pool grows slowly while its threads wait for a client's bytes.
      SystemThread.start(stackSize: 256 << 10) { [self] in
        serve(connection)
        // Not closed before it is forgotten: the number may be another's at once.
        state.withLock { $0.clients.forget(connection) }
        Glibc.close(connection)
      }
    }
    // The descriptor may be reused as soon as it is closed, so it stays open until Dispatch has let go of it.
    source.setCancelHandler { Glibc.close(descriptor) }
    source.activate()
    return source
  }

  /// accept(2) fails again at once where there are no descriptors, so it is not asked for a moment, and the oldest
  /// connection that waits makes room.
  private func refused(_ code: Int32) {
    guard [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else { return }
    let isFirst = state.withLock { state in
      state.clients.dropOne()
      defer { state.hasWarned = true }
      return !state.hasWarned
    }
    if isFirst {
      warn(
        "the CA can hardly be answered: \(String(cString: strerror(code)).lowercased()); raise the limit (ulimit -n) or find out who keeps connections to \(address) open"
      )
    }
    // The queue does nothing else.
    usleep(200_000)
  }

  private func serve(_ connection: Int32) {
    guard let path = HTTPExchange.readPath(from: connection) else { return }
    let prefix = "/.well-known/acme-challenge/"
    guard path.hasPrefix(prefix) else { return HTTPExchange.reply(nil, on: connection) }
    let token = String(path.dropFirst(prefix.count))
    HTTPExchange.reply(state.withLock { $0.answers[token] } ?? lookUp(token), on: connection)
  }
}
