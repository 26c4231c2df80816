import Engine
import Fleet
import Synchronization
import System

/// The agent's command behind a program on this machine.
final class PipedChannel: CommandChannel {
  private let process: PipedProcess
  private let slot: ConnectionSlot
  private let patience: Duration?
  /// What the host said on stderr before anybody listened.
  private let early: Mutex<[UInt8]>
  /// Whether a line on stderr is the program's own.
  private let isOwn: @Sendable (String) -> Bool

  private static let sendTimeout = Duration.seconds(60)

  /// - Parameter patience: how long the program may go on when nobody listens any more; `nil` is for as long as it wants.
  init(
    _ process: PipedProcess, slot: ConnectionSlot, patience: Duration?, early: [UInt8] = [],
    isOwn: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    (self.process, self.slot, self.patience, self.isOwn) = (process, slot, patience, isOwn)
    self.early = Mutex(early)
  }

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    do {
      try await process.send(bytes, within: Self.sendTimeout)
    } catch is PipedProcess.TimedOut {
      throw ConnectionLost(reason: "nothing was taken for 60 s")
    } catch { throw ConnectionLost(reason: "the connection was closed") }
  }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    let early = early.withLock { early in
      defer { early = [] }
      return early
    }
    if !early.isEmpty { return .stderr(hosts(early)) }
    do {
      switch try await process.receive(within: timeout) {
      case .stdout(let bytes): return .stdout(bytes)
      case .stderr(let bytes): return .stderr(hosts(bytes))
      case .ended(let status): return .ended(status: status)
      }
    } catch {
      throw ConnectionLost(reason: "nothing was said for \(Int(timeout.seconds.rounded())) s")
    }
  }

  /// Without the lines that are the program's own; each is written at once. By bytes: `\r\n`, as ssh ends its own, is one character.
  private func hosts(_ bytes: [UInt8]) -> [UInt8] {
    let newline = UInt8(ascii: "\n")
    let lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
    return Array(lines.filter { !isOwn(String(decoding: $0, as: UTF8.self)) }.joined(separator: [newline]))
  }

  func close() async {
    process.end(after: patience)
    await slot.release()
  }
}
