import Fleet
import SSH

/// Connections to the hosts that others are reached through: one each, made when it is first needed, and shared. Where it
/// is held up by a host behind it that does not answer, another takes its place.
actor JumpHosts {
  private var open: [Host.Name: Task<SSHConnection, any Error>] = [:]

  /// What goes through them keeps them until it has ended.
  deinit {
    for connection in open.values { Task { try await connection.value.retire() } }
  }

  /// - Parameters:
  ///   - occupied: one that was held up.
  ///   - make: connects and logs in.
  func connection(
    to host: Host.Name, insteadOf occupied: SSHConnection?,
    make: @escaping @Sendable () async throws -> SSHConnection
  ) async throws -> SSHConnection {
    if let known = open[host] {
      let connection = try await known.value
      if connection !== occupied, await connection.isOpen { return connection }
      if open[host] == known { open[host] = nil }
      // It carries what goes through it to its end.
      await connection.retire()
      return try await self.connection(to: host, insteadOf: nil, make: make)
    }
    let task = Task { try await make() }
    open[host] = task
    do {
      return try await task.value
    } catch {
      // The next one tries again.
      if open[host] == task { open[host] = nil }
      throw error
    }
  }
}
