import CSSH2
import FoundationEssentials
import Glibc

/// The tunnels of one connection, as its own loop carries them: bytes go between channels of the session and sockets of this
/// process, whose other ends are connections of their own.
///
/// libssh2 wants one call at a time, and after a call that could not send all of its packet this very call again
/// (libssh2_session_block_directions(3)): so one task makes all the calls, and one that has to be repeated is repeated
/// before any other.
final class Forwarding {
  private let session: OpaquePointer
  private let socket: Int32
  private let sockets: ReadySet
  private let doorbell: Int32
  private var tunnels: [Tunnel] = []
  private var openQueue = ChannelOpenQueue()
  private var isRetired = false
  /// Whose last call could not send all of its packet.
  private var stuck: Tunnel?
  private(set) var hasEnded = false

  /// - Throws: `exhausted`, where this machine has no descriptor left.
  init(session: OpaquePointer, socket: Int32) throws(SSHFailure) {
    (self.session, self.socket) = (session, socket)
    sockets = try ReadySet()
    doorbell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard doorbell >= 0 else { throw .exhausted(String(cString: strerror(errno)).lowercased()) }
    sockets.watch(doorbell, reading: true, writing: false)
  }

  deinit { close(doorbell) }

  /// What a connection waits for while nothing can go on.
  var descriptor: Int32 { sockets.descriptor }
  var nextDeadline: ContinuousClock.Instant { openQueue.nextDeadline }

  func add(_ request: ChannelOpenQueue.Request) {
    openQueue.add(request)
    eventfd_write(doorbell, 1)
  }

  /// Opens nothing more, and has ended when the last of what it carries has.
  func retire() {
    isRetired = true
    eventfd_write(doorbell, 1)
  }

  var isDone: Bool { isRetired && tunnels.isEmpty && !openQueue.isAwaited }

  /// The connection is gone, and everything through it.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    openQueue.end()
    for tunnel in tunnels { close(tunnel.local) }
    tunnels = []
    eventfd_write(doorbell, 1)
  }

  /// Does whatever can be done without waiting, and says what to wait for.
  ///
  /// - Parameter arrivals: how often something has been taken from the session's socket.
  /// - Returns: whether the session still works.
  func goOn(_ arrivals: () -> Int) -> Bool {
    var rings: eventfd_t = 0
    eventfd_read(doorbell, &rings)
    openQueue.expire()
    var isBlocked = false
    var moved = true
    if let tunnel = stuck {
      stuck = nil
      switch goOn(tunnel) {
      case .blocked: isBlocked = true
      case .broken: return false
      case .done, .waits: break
      }
    }
    while moved, !isBlocked {
      let before = arrivals()
      moved = false
      // After a minute libssh2 itself gives such a call up, and the session with it: one that nobody waits for is left alone, but
      // for a packet that is half on its way.
      if let request = openQueue.first, !openQueue.isFirstGivenUp || self.isBlocked {
        switch open(request) {
        case .done: moved = true
        case .waits: break
        case .blocked: isBlocked = true
        case .broken: return false
        }
      }
      for tunnel in tunnels where !isBlocked {
        switch goOn(tunnel) {
        case .done: moved = true
        case .waits: break
        case .blocked: isBlocked = true
        case .broken: return false
        }
      }
      tunnels.removeAll { tunnel in
        guard tunnel.isOver else { return false }
        sockets.forget(tunnel.local)
        close(tunnel.local)
        return true
      }
      // What came in during one's call may be for another, and the socket does not tell of it again.
      moved = moved || arrivals() != before
    }
    watch(isBlocked)
    return true
  }

  private func goOn(_ tunnel: Tunnel) -> Tunnel.Progress {
    let progress = tunnel.goOn(isBlocked: { self.isBlocked })
    if progress == .blocked { stuck = tunnel }
    return progress
  }

  private func watch(_ isBlocked: Bool) {
    for tunnel in tunnels {
      let (reading, writing) = (tunnel.wantsToRead, tunnel.wantsToWrite)
      // epoll(7) tells of an end even where nothing is asked, and that would be told again and again.
      if isBlocked || !reading && !writing {
        sockets.forget(tunnel.local)
      } else {
        sockets.watch(tunnel.local, reading: reading, writing: writing)
      }
    }
    // Without a tunnel no call would take what has arrived.
    if tunnels.isEmpty, openQueue.first == nil {
      sockets.forget(socket)
    } else {
      sockets.watch(socket, reading: !isBlocked, writing: isBlocked)
    }
  }

  /// Whether the last call has to be repeated before any other.
  private var isBlocked: Bool {
    libssh2_session_block_directions(session) & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
  }

  /// RFC 4254 §7.2.
  private func open(_ request: ChannelOpenQueue.Request) -> Tunnel.Progress {
    guard
      let channel = libssh2_channel_direct_tcpip_ex(session, request.host, request.port, "127.0.0.1", 22)
    else {
      let code = libssh2_session_last_errno(session)
      if code == LIBSSH2_ERROR_EAGAIN { return isBlocked ? .blocked : .waits }
      guard code == LIBSSH2_ERROR_CHANNEL_FAILURE else {
        openQueue.conclude(.failure(.unreachable("the connection to the jump host was lost")))
        return .broken
      }
      openQueue.conclude(
        .failure(
          .unreachable("the jump host cannot reach \(request.host):\(request.port), or may not forward to it")
        ))
      return .done
    }
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    if openQueue.isFirstGivenUp {
      tunnels.append(Tunnel(channel, local: -1))
      openQueue.conclude(.failure(.unreachable("nobody waits for it")))
    } else if socketpair(AF_UNIX, kind, 0, &ends) == 0 {
      tunnels.append(Tunnel(channel, local: ends[0]))
      openQueue.conclude(.success(ends[1]))
    } else {
      let why = String(cString: strerror(errno)).lowercased()
      tunnels.append(Tunnel(channel, local: -1))
      openQueue.conclude(.failure(.exhausted(why)))
    }
    return .done
  }
}
