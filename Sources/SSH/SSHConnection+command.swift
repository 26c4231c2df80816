import CSSH2
import FoundationEssentials

/// A command and its streams.
extension SSHConnection {
  /// Something that came from the command.
  package enum Received: Sendable {
    case stdout([UInt8])
    case stderr([UInt8])
    /// The command's streams have ended. A status proves nothing: libssh2 gives 0 for a session that died.
    case ended(status: Int)
  }

  /// Asks for `command` by the user's login shell. What is sent to it may follow at once; whether the server runs it is heard by the first
  /// `receive`, which saves a round trip.
  package func execute(_ command: String, within timeout: Duration) async throws(SSHFailure) {
    try requireOpen()
    let deadline = ContinuousClock.now + timeout
    while channel == nil {
      channel = libssh2_channel_open_ex(
        session.pointer, "session", 7, UInt32(2 * 1024 * 1024), UInt32(LIBSSH2_CHANNEL_PACKET_DEFAULT), nil, 0
      )
      guard channel == nil else { break }
      guard libssh2_session_last_errno(session.pointer) == LIBSSH2_ERROR_EAGAIN else {
        throw notBegun("opens no session")
      }
      try await waitForSocket("opening a session", until: deadline)
    }
    starting = command
    while true {
      let status = startUp(command)
      if status == LIBSSH2_ERROR_EAGAIN,
        libssh2_session_block_directions(session.pointer) & LIBSSH2_SESSION_BLOCK_OUTBOUND == 0
      {
        return
      }
      guard status == LIBSSH2_ERROR_EAGAIN else { return try begun(status) }
      try await waitForSocket("starting the command", until: deadline)
    }
  }

  private func startUp(_ command: String) -> Int32 {
    libssh2_channel_process_startup(channel, "exec", 4, command, UInt32(command.utf8.count))
  }

  private func begun(_ status: Int32) throws(SSHFailure) {
    starting = nil
    guard status == 0 else { throw notBegun("runs no command") }
  }

  /// Waits for the server's word on whether it runs the command.
  private func awaitStart(until deadline: ContinuousClock.Instant) async throws(SSHFailure) {
    guard let command = starting else { return }
    let status = try await retrying("starting the command", until: deadline) { startUp(command) }
    try begun(Int32(status))
  }

  /// The command has not begun, so nothing was done.
  private func notBegun(_ what: String) -> SSHFailure {
    switch libssh2_session_last_errno(session.pointer) {
    case LIBSSH2_ERROR_CHANNEL_FAILURE, LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
      .incompatible("\(endpoint) \(what): \(session.message)")
    default: .unreachable("\(endpoint) closed the connection before the command began")
    }
  }

  /// Sends all of `bytes` to the command's stdin.
  package func send(_ bytes: [UInt8], within timeout: Duration) async throws(SSHFailure) {
    try requireOpen()
    let deadline = ContinuousClock.now + timeout
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: Self.chunk)
    defer {
      // A private key may have been in it.
      if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
      buffer.deallocate()
    }
    for start in stride(from: 0, to: bytes.count, by: Self.chunk) {
      let chunk = bytes[start..<min(start + Self.chunk, bytes.count)]
      _ = buffer.update(from: chunk)
      try await write(UnsafeMutableBufferPointer(rebasing: buffer[..<chunk.count]), until: deadline)
    }
  }

  /// Sent in one packet. libssh2 takes up to 32 KB, and has a buffer for that in each connection: what is not used of it takes no memory.
  private static let chunk = 8 << 10

  /// After EAGAIN libssh2 must be given the same pointer again, across the waits in between.
  private func write(
    _ buffer: UnsafeMutableBufferPointer<UInt8>, until deadline: ContinuousClock.Instant
  ) async throws(SSHFailure) {
    guard let start = UnsafeRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self) else {
      return
    }
    var sent = 0
    while sent < buffer.count {
      let count = libssh2_channel_write_ex(channel, 0, start + sent, buffer.count - sent)
      if count == Int(LIBSSH2_ERROR_EAGAIN) {
        try await waitForSocket("sending", until: deadline)
      } else if count < 0 {
        // A server that runs no command may close the channel at once.
        if starting != nil, case .incompatible(let why)? = await refusal(until: deadline) {
          throw .incompatible(why)
        }
        throw .lost("\(endpoint): the connection was lost while sending: \(session.message)")
      } else {
        sent += count
      }
    }
  }

  private func refusal(until deadline: ContinuousClock.Instant) async -> SSHFailure? {
    do { try await awaitStart(until: deadline) } catch { return error }
    return nil
  }

  /// The next thing that the command says. Both streams share one window, so both are drained.
  package func receive(within timeout: Duration) async throws(SSHFailure) -> Received {
    try requireOpen()
    let deadline = ContinuousClock.now + timeout
    try await awaitStart(until: deadline)
    while true {
      let arrivals = session.greeting.arrivals
      if let bytes = try read(stream: 0) { return .stdout(bytes) }
      if libssh2_session_block_directions(session.pointer) & LIBSSH2_SESSION_BLOCK_OUTBOUND == 0 {
        if let bytes = try read(stream: SSH_EXTENDED_DATA_STDERR) { return .stderr(bytes) }
        if libssh2_channel_eof(channel) == 1 { return .ended(status: await exitStatus(until: deadline)) }
      }
      // What came in while one stream was read may belong to the other, and no socket tells of it again.
      guard session.greeting.arrivals == arrivals else { continue }
      try await waitForSocket("waiting for an answer", until: deadline)
    }
  }

  private func read(stream: Int32) throws(SSHFailure) -> [UInt8]? {
    let space = loop.space
    let count = libssh2_channel_read_ex(
      channel, stream, space.assumingMemoryBound(to: CChar.self).baseAddress, space.count)
    guard count >= 0 || count == Int(LIBSSH2_ERROR_EAGAIN) else {
      throw .lost("\(endpoint): the connection was lost: \(session.message)")
    }
    return count > 0 ? Array(space[..<count]) : nil
  }

  /// End of file can precede the status (RFC 4254 §5.3, §6.10): close, wait for the server's close, then look.
  private func exitStatus(until deadline: ContinuousClock.Instant) async -> Int {
    _ = try? await retrying("closing", until: deadline) { libssh2_channel_close(channel) }
    return Int(libssh2_channel_get_exit_status(channel))
  }
}
