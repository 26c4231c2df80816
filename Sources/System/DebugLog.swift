import Synchronization

/// What is done on the wire and why, for whoever debugs: `certfleet -v`, or `CERTFLEET_LOG=debug`.
///
/// Never a secret: names, addresses, sizes, kinds and durations are written, and nothing that is sent or received.
package enum DebugLog {
  package typealias Sink = @Sendable (String) -> Void

  private static let isOn = Atomic(false)
  private static let sink = Mutex<Sink?>(nil)

  /// From then on every line goes there.
  package static func send(to sink: @escaping Sink) {
    Self.sink.withLock { $0 = sink }
    isOn.store(true, ordering: .releasing)
  }

  /// - Parameter line: not made where nobody reads it.
  package static func write(_ line: @autoclosure () -> String) {
    guard isOn.load(ordering: .acquiring) else { return }
    let line = line()
    sink.withLock { $0 }?(line)
  }
}
