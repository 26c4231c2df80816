#if PostgreSQL
  import Glibc
  import Synchronization
  import System

  /// Says that a session lives, on a connection and a thread of its own: whatever the others wait for, this waits for nothing.
  package final class Heartbeat: Sendable {
    private let pulse = Pulse()
    private final class Pulse: Sendable { let state = Mutex(State(at: .now)) }
    struct State {
      var isOver = false
      private(set) var isForgotten = false
      private var last: ContinuousClock.Instant
      /// When it was heard again after it could not be for long.
      private var backSince: ContinuousClock.Instant?
      private static let longest = ControllerSession.interval * 2

      init(at now: ContinuousClock.Instant) { last = now }

      mutating func beat(isForgotten: Bool = false, at now: ContinuousClock.Instant) {
        self.isForgotten = isForgotten
        if now - last > Self.longest { backSince = now }
        last = now
      }

      func isSteady(at now: ContinuousClock.Instant) -> Bool {
        now - last <= Self.longest && backSince.map { now - $0 > ControllerSession.term } ?? true
      }
    }

    init(_ address: PostgreSQLAddress, _ session: ControllerSession) {
      SystemThread.start { [pulse] in
        var connection: PostgreSQLConnection?
        while !pulse.state.withLock(\.isOver) {
          do {
            let opened = try connection ?? PostgreSQLConnection(address, isPatient: false)
            connection = opened
            let known = try opened.rows(
              "UPDATE session SET seen_at = clock_timestamp() WHERE number = ? RETURNING 1",
              [.integer(session.number)]
            ) { _ in true }
            pulse.state.withLock { $0.beat(isForgotten: known.isEmpty, at: .now) }
          } catch { connection = nil }
          usleep(UInt32(ControllerSession.interval.components.seconds) * 1_000_000)
        }
      }
    }

    /// Whether it could be heard for as long as the others have to say that they live. After the database was away, or this process stood
    /// still, all look lost for a moment.
    var isSteady: Bool { pulse.state.withLock { $0.isSteady(at: .now) } }

    /// Whether the database does not know the session any more.
    var isForgotten: Bool { pulse.state.withLock(\.isForgotten) }

    package func stop() { pulse.state.withLock { $0.isOver = true } }
    deinit { stop() }
  }
#endif
