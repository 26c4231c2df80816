import CSSH2
import FoundationEssentials
import Glibc

/// Several sockets that are waited for as one: an epoll(7) instance, which is ready itself when one of them is.
struct ReadySet: ~Copyable {
  let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))

  /// - Throws: `exhausted`, where this machine has no descriptor left.
  init() throws(SSHFailure) {
    guard descriptor >= 0 else { throw .exhausted(String(cString: strerror(errno)).lowercased()) }
  }

  deinit { close(descriptor) }

  /// What a socket is ready for.
  struct Ready {
    let descriptor: Int32
    let isReadable: Bool
    let isWritable: Bool
  }

  /// Watches a socket for what is asked, and for nothing else any more.
  func watch(_ socket: Int32, reading: Bool, writing: Bool) {
    var event = epoll_event()
    event.events = (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0)
    event.data.fd = socket
    if epoll_ctl(descriptor, EPOLL_CTL_MOD, socket, &event) != 0 {
      epoll_ctl(descriptor, EPOLL_CTL_ADD, socket, &event)
    }
  }

  /// Before it is closed: a copy of its descriptor elsewhere would keep it here.
  func forget(_ socket: Int32) { epoll_ctl(descriptor, EPOLL_CTL_DEL, socket, nil) }

  /// Those that are ready now. An error makes a socket ready for both.
  func ready() -> [Ready] {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(descriptor, &events, Int32(events.count), 0)
    return events.prefix(Int(max(count, 0))).map { event in
      let failed = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
      return Ready(
        descriptor: event.data.fd, isReadable: failed || event.events & EPOLLIN.rawValue != 0,
        isWritable: failed || event.events & EPOLLOUT.rawValue != 0)
    }
  }
}
