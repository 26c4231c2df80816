import Engine
import Fleet
import SSH

/// The agent's command as the engine sees it.
struct SSHCommandChannel: CommandChannel {
  let connection: SSHConnection
  let slot: ConnectionSlot
  let sendTimeout: Duration

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    do {
      try await connection.send(bytes, within: sendTimeout)
    } catch { throw error.lost }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    do {
      switch try await connection.receive(within: timeout) {
      case .stdout(let bytes): return .stdout(bytes)
      case .stderr(let bytes): return .stderr(bytes)
      case .ended(let status): return .ended(status: status)
      }
    } catch { throw error.lost }
  }

  func close() async {
    await connection.close()
    await slot.release()
  }
}

extension SSHFailure {
  fileprivate var lost: ConnectionLost {
    if case .incompatible = self { return ConnectionLost(reason: description, isNothingDone: true) }
    return ConnectionLost(reason: description)
  }
}
