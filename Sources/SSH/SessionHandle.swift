import CSSH2
import FoundationEssentials
import Glibc
import System

/// A libssh2 session and its socket, with one owner.
struct SessionHandle: ~Copyable {
  let pointer: OpaquePointer
  let descriptor: Int32
  private(set) var isOpen = true
  /// Goes after the session, which writes to it.
  let greeting = ServerGreeting()

  /// libssh2_init(3) must have run once before any thread makes a session.
  private static let isInitialised = libssh2_init(0) == 0

  /// Takes the socket over; `nil` when libssh2 has no memory, and then the socket is closed.
  init?(owning descriptor: Int32) {
    guard Self.isInitialised, let made = libssh2_session_init_ex(nil, nil, nil, greeting.abstract) else {
      Glibc.close(descriptor)
      return nil
    }
    // It clears 54 KB of buffers, of which a visit uses a fifth.
    Heap.giveBackZeros(in: UnsafeMutableRawPointer(made))
    libssh2_session_set_blocking(made, 0)
    libssh2_session_callback_set(
      made, LIBSSH2_CALLBACK_RECV, unsafeBitCast(ServerGreeting.receive, to: UnsafeMutableRawPointer.self))
    pointer = made
    self.descriptor = descriptor
  }

  deinit { if isOpen { Self.end(pointer, descriptor) } }

  mutating func close() {
    guard isOpen else { return }
    isOpen = false
    Self.end(pointer, descriptor)
  }

  /// Lets go of what another thread still uses: it is never freed, and only the other side learns of the end.
  mutating func abandon() {
    isOpen = false
    greeting.abandon()
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// The session goes before its socket: freeing it may write, and by then the number could be another socket's.
  /// Shutting the socket down first lets no write block, so EAGAIN cannot repeat for long.
  private static func end(_ session: OpaquePointer, _ descriptor: Int32) {
    libssh2_session_disconnect_ex(session, SSH_DISCONNECT_BY_APPLICATION, "", "")
    shutdown(descriptor, Int32(SHUT_RDWR))
    var tries = 0
    while libssh2_session_free(session) == LIBSSH2_ERROR_EAGAIN, tries < 100 { tries += 1 }
    Glibc.close(descriptor)
  }

  /// What libssh2 says about its last error.
  var message: String {
    var text: UnsafeMutablePointer<CChar>?
    libssh2_session_last_error(pointer, &text, nil, 0)
    return text.map { String(cString: $0) } ?? "no reason given"
  }
}
