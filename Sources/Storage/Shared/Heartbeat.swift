#if PostgreSQL
  import Glibc
  import Synchronization
  import System

  /// Says that a session lives, on a connection and a thread of its own: whatever the others wait for, this waits for nothing.
  package final class Heartbeat: Sendable {
    private let isOver: Over
    private final class Over: Sendable {
      let state = Mutex(false)
    }

    init(_ address: PostgreSQLAddress, _ session: ControllerSession) {
      let over = Over()
      isOver = over
      SystemThread.start {
        var connection: PostgreSQLConnection?
        while !over.state.withLock({ $0 }) {
          do {
            let opened = try connection ?? PostgreSQLConnection(address, isPatient: false)
            connection = opened
            try opened.run(
              "UPDATE session SET seen_at = clock_timestamp() WHERE number = ?", [.integer(session.number)])
          } catch { connection = nil }
          usleep(UInt32(ControllerSession.interval.components.seconds) * 1_000_000)
        }
      }
    }

    package func stop() { isOver.state.withLock { $0 = true } }
    deinit { stop() }
  }
#endif
