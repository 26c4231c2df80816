import CSSH2
import Foundation

/// The tunnels of one connection, as its own loop carries them: bytes go between channels of the session and sockets of this
/// process, whose other ends are connections of their own.
///
/// libssh2 wants one call at a time, and after a call that could not send all of its packet this very call again
/// (libssh2_session_block_directions(3)): so one task makes all the calls, and one that has to be repeated is repeated
/// before any other.
final class Forwarding {
  private let session: OpaquePointer
  private let socket: Int32
  private let sockets = ReadySet()
  private let doorbell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
  private var tunnels: [Tunnel] = []
  private var requests: [Request] = []
  /// The first request's call goes on until the jump host answers, though nobody waits for it any more.
  private var isFirstGivenUp = false
  /// Whose last call could not send all of its packet.
  private var stuck: Tunnel?
  private(set) var hasEnded = false

  /// A tunnel that somebody waits for.
  struct Request {
    let host: String
    let port: Int32
    let deadline: ContinuousClock.Instant
    let answer: CheckedContinuation<Result<Int32, SSHFailure>, Never>
  }

  init(session: OpaquePointer, socket: Int32) {
    (self.session, self.socket) = (session, socket)
    sockets.watch(doorbell, reading: true, writing: false)
  }

  deinit { close(doorbell) }

  /// What a connection waits for while nothing can go on.
  var descriptor: Int32 { sockets.descriptor }
  var nextDeadline: ContinuousClock.Instant { waited.map(\.deadline).min() ?? .now + .seconds(3600) }

  func add(_ request: Request) {
    requests.append(request)
    eventfd_write(doorbell, 1)
  }

  /// The connection is gone, and everything through it.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    for request in waited {
      request.answer.resume(returning: .failure(.unreachable("the jump host is gone")))
    }
    for tunnel in tunnels { close(tunnel.local) }
    (requests, tunnels) = ([], [])
    eventfd_write(doorbell, 1)
  }

  /// Does whatever can be done without waiting, and says what to wait for.
  ///
  /// - Parameter arrivals: how often something has been taken from the session's socket.
  /// - Returns: whether the session still works.
  func goOn(_ arrivals: () -> Int) -> Bool {
    var rings: eventfd_t = 0
    eventfd_read(doorbell, &rings)
    expire()
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
      if let request = requests.first {
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
    if tunnels.isEmpty, requests.isEmpty {
      sockets.forget(socket)
    } else {
      sockets.watch(socket, reading: !isBlocked, writing: isBlocked)
    }
  }

  /// Whether the last call has to be repeated before any other.
  private var isBlocked: Bool {
    libssh2_session_block_directions(session) & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
  }

  /// Those that somebody waits for.
  private var waited: ArraySlice<Request> { requests.dropFirst(isFirstGivenUp ? 1 : 0) }

  /// libssh2 opens one channel of a session at a time: others wait behind one that the jump host does not reach.
  private func expire() {
    guard let first = requests.first else { return }
    let now = ContinuousClock.now
    for request in waited where request.deadline <= now {
      let isFirst = request.host == first.host && request.port == first.port
      request.answer.resume(
        returning: .failure(
          .unreachable(
            isFirst
              ? "\(request.host):\(request.port) timed out at the jump host"
              : "the jump host was still trying to reach \(first.host):\(first.port), and \(request.host):\(request.port) had to wait"
          )))
    }
    let rest = requests.dropFirst().filter { $0.deadline > now }
    isFirstGivenUp = isFirstGivenUp || first.deadline <= now
    requests = [first] + rest
  }

  /// The first request has its answer.
  private func conclude(_ result: Result<Int32, SSHFailure>) {
    let request = requests.removeFirst()
    if isFirstGivenUp { isFirstGivenUp = false } else { request.answer.resume(returning: result) }
  }

  /// RFC 4254 §7.2.
  private func open(_ request: Request) -> Tunnel.Progress {
    guard
      let channel = libssh2_channel_direct_tcpip_ex(session, request.host, request.port, "127.0.0.1", 22)
    else {
      let code = libssh2_session_last_errno(session)
      if code == LIBSSH2_ERROR_EAGAIN { return isBlocked ? .blocked : .waits }
      guard code == LIBSSH2_ERROR_CHANNEL_FAILURE else {
        conclude(.failure(.unreachable("the connection to the jump host was lost")))
        return .broken
      }
      conclude(
        .failure(
          .unreachable("the jump host cannot reach \(request.host):\(request.port), or may not forward to it")
        ))
      return .done
    }
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    if isFirstGivenUp {
      tunnels.append(Tunnel(channel, local: -1))
      conclude(.failure(.unreachable("nobody waits for it")))
    } else if socketpair(AF_UNIX, kind, 0, &ends) == 0 {
      tunnels.append(Tunnel(channel, local: ends[0]))
      conclude(.success(ends[1]))
    } else {
      let why = String(cString: strerror(errno)).lowercased()
      tunnels.append(Tunnel(channel, local: -1))
      conclude(.failure(.exhausted(why)))
    }
    return .done
  }
}
