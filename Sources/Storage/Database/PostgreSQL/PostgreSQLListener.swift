#if PostgreSQL
  import CPostgreSQL
  import Glibc
  import Synchronization
  import System

  /// Hears what other sessions tell (NOTIFY), on a connection and a thread of its own. Where a pooler is in between nothing is heard, and
  /// whoever waits asks now and then.
  package final class PostgreSQLListener: Sendable {
    private let isOver = Mutex(false)

    /// - Parameter heard: by channel, called from its thread; also where something may have been missed.
    init(_ address: PostgreSQLAddress, _ heard: [String: @Sendable () -> Void]) {
      SystemThread.start { [weak self] in
        while self?.isOver.withLock({ $0 }) == false {
          if let handle = Self.connect(address, heard.keys.sorted()) {
            for call in heard.values { call() }
            while self?.isOver.withLock({ $0 }) == false, Self.wait(on: handle, heard) {}
            PQfinish(handle)
          } else {
            sleep(1)
          }
        }
      }
    }

    deinit { isOver.withLock { $0 = true } }

    private static func connect(_ address: PostgreSQLAddress, _ channels: [String]) -> OpaquePointer? {
      guard let handle = try? PostgreSQLConnection.connect(address) else { return nil }
      PQexitPipelineMode(handle)
      let result = PQexec(handle, channels.map { "LISTEN \($0)" }.joined(separator: ";"))
      defer { PQclear(result) }
      guard PQresultStatus(result) == PGRES_COMMAND_OK else {
        PQfinish(handle)
        return nil
      }
      return handle
    }

    /// - Returns: whether the connection is there still.
    private static func wait(on handle: OpaquePointer, _ heard: [String: @Sendable () -> Void]) -> Bool {
      var ready = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, 1000) > 0 else { return PQstatus(handle) == CONNECTION_OK }
      guard PQconsumeInput(handle) == 1 else { return false }
      var told: Set<String> = []
      while let notification = PQnotifies(handle) {
        told.insert(String(cString: notification.pointee.relname))
        PQfreemem(notification)
      }
      for channel in told { heard[channel]?() }
      return PQstatus(handle) == CONNECTION_OK
    }
  }
#endif
