import Fleet
import Synchronization
import Testing

@testable import Engine

/// A visit whose rollout has ended for another reason, as when the disk is full.
@Suite struct CancelledTests {
  private final class Closed: Connector {
    let tries = Mutex(0)

    func connect(to host: Host) async throws(ConnectFailure) -> any CommandChannel {
      tries.withLock { $0 += 1 }
      throw ConnectFailure(reason: "connection refused", isPassing: true, isBusy: true)
    }
  }

  @Test func `who is cancelled does not spend all tries at once`() async {
    let connector = Closed()
    let dialing = Task {
      _ = await #expect(throws: ConnectFailure.self) {
        _ = try await ConnectRetry(host: Host(name: "web1", address: "a"), connector: connector).connect()
      }
    }
    dialing.cancel()
    await dialing.value
    #expect(connector.tries.withLock { $0 } == 1)
  }

  @Test func `a pause of who is cancelled ends, and says so`() async {
    let pausing = Task { try await SystemTime().pause(for: .seconds(60)) }
    pausing.cancel()
    await #expect(throws: CancellationError.self) { try await pausing.value }
  }
}
