import Foundation

/// A connected, non-blocking TCP socket.
enum Socket {
  /// After this long without an acknowledgement the kernel gives the connection up (tcp(7), TCP_USER_TIMEOUT).
  private static let patience: Int32 = 30

  /// - Throws: `unreachable`, naming the last address's reason.
  static func connect(
    to endpoint: Endpoint, on loop: EventLoop, until deadline: ContinuousClock.Instant,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(SSHFailure) -> Int32 {
    var reason = "no address"
    for address in try await endpoint.resolve() {
      let descriptor = socket(
        address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else {
        reason = words(errno)
        continue
      }
      setOptions(descriptor)
      let code = await finishConnecting(descriptor, to: address, on: loop, until: deadline)
      if code == 0 { return descriptor }
      reason = words(code)
      close(descriptor)
    }
    throw .unreachable("cannot connect to \(endpoint): \(reason)")
  }

  private static func finishConnecting(
    _ descriptor: Int32, to address: Endpoint.Resolved, on loop: EventLoop,
    until deadline: ContinuousClock.Instant, isolation: isolated (any Actor)? = #isolation
  ) async -> Int32 {
    let started = address.bytes.withUnsafeBytes { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        Foundation.connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    if started == 0 { return 0 }
    guard errno == EINPROGRESS else { return errno }
    let wake = await loop.wait(for: descriptor, reading: false, writing: true, until: deadline)
    guard wake == .ready else { return ETIMEDOUT }
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    return code
  }

  private static func setOptions(_ descriptor: Int32) {
    func set(_ level: Int32, _ option: Int32, _ value: Int32) {
      var value = value
      setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    let tcp = Int32(IPPROTO_TCP)
    set(tcp, TCP_NODELAY, 1)
    set(tcp, TCP_USER_TIMEOUT, patience * 1000)
    // A host that died while a hook ran says nothing more: the kernel asks it.
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(tcp, TCP_KEEPIDLE, 10)
    set(tcp, TCP_KEEPINTVL, 10)
  }

  private static func words(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
}
