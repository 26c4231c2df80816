import Fleet
import FoundationEssentials
import Glibc

/// A connected TCP socket with one owner, whose every call ends by itself.
struct BlockingSocket: ~Copyable {
  let descriptor: Int32

  init(connectingTo address: String, port: UInt16, timeout: Duration) throws {
    descriptor = try Self.connected(to: address, port: port, timeout: timeout)
  }

  deinit { close(descriptor) }

  private static func connected(to address: String, port: UInt16, timeout: Duration) throws -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(address, String(port), &hints, &found)
    guard status == 0, let first = found else {
      throw ServedCertificate.NoAnswer(
        reason: "\(address) cannot be resolved (\(String(cString: gai_strerror(status))))",
        isOurs: [EAI_AGAIN, EAI_SYSTEM, EAI_MEMORY].contains(status))
    }
    defer { freeaddrinfo(found) }
    var failure: Int32 = 0
    for candidate in sequence(first: first, next: { $0.pointee.ai_next }) {
      let descriptor = socket(
        candidate.pointee.ai_family, candidate.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else {
        failure = errno
        continue
      }
      // Linux applies SO_SNDTIMEO to connect as well (socket(7)).
      var limit = timeval(tv_sec: Int(timeout.seconds.rounded(.up)), tv_usec: 0)
      let size = socklen_t(MemoryLayout<timeval>.size)
      setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
      if connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 {
        return descriptor
      }
      failure = errno
      close(descriptor)
    }
    // EINPROGRESS is what a connect that ran into SO_SNDTIMEO leaves.
    let why = failure == EINPROGRESS ? "timed out" : String(cString: strerror(failure)).lowercased()
    throw ServedCertificate.NoAnswer(
      reason: "\(address):\(port): \(why)", isOurs: exhaustion.contains(failure))
  }

  /// What a machine says that has no descriptors, no memory, or no way into the network: nothing about the other end.
  private static let exhaustion = [EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, ENETDOWN]
}
