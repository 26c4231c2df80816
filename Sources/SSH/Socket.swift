import CSSH2
import FoundationEssentials
import Glibc

/// A connected, non-blocking TCP socket.
enum Socket {
  /// After this long without an acknowledgement the kernel gives the connection up (tcp(7), TCP_USER_TIMEOUT).
  private static let patience: Int32 = 30
  /// RFC 8305 §5, the Connection Attempt Delay: then the next address is tried beside the ones before.
  private static let headStart = Duration.milliseconds(250)

  /// Connects to whichever of a server's addresses answers first.
  ///
  /// - Throws: `unreachable`, with each address's reason; `exhausted`, where this machine has no descriptor left.
  static func connect(
    to endpoint: Endpoint, on loop: EventLoop, until deadline: ContinuousClock.Instant,
    isolation: isolated (any Actor)? = #isolation
  ) async throws(SSHFailure) -> Int32 {
    let addresses = interleaved(try await endpoint.resolve(on: loop, until: deadline))
    var attempts = try Attempts()
    for address in addresses {
      if let winner = try attempts.begin(address) { return winner }
      let pause = min(ContinuousClock.now + headStart, deadline)
      while attempts.isWaiting, .now < pause {
        if let winner = await attempts.next(on: loop, until: pause) { return winner }
      }
    }
    while attempts.isWaiting, .now < deadline {
      if let winner = await attempts.next(on: loop, until: deadline) { return winner }
    }
    throw .unreachable("cannot connect to \(endpoint): \(attempts.reason)")
  }

  /// RFC 8305 §4: the families take turns, beginning with the one that the system's resolver prefers.
  private static func interleaved(_ addresses: [Endpoint.Resolved]) -> [Endpoint.Resolved] {
    guard let first = addresses.first else { return [] }
    let (own, others) = (
      addresses.filter { $0.family == first.family }, addresses.filter { $0.family != first.family }
    )
    return (0..<max(own.count, others.count)).flatMap { index in
      own.dropFirst(index).prefix(1) + others.dropFirst(index).prefix(1)
    }
  }

  /// Connects under way, to several addresses of one server; what is left is closed with it.
  private struct Attempts: ~Copyable {
    private let sockets: ReadySet
    private var waiting: [Int32: Endpoint.Resolved] = [:]
    private var failures: [String] = []

    init() throws(SSHFailure) { sockets = try ReadySet() }

    deinit { for descriptor in waiting.keys { close(descriptor) } }

    var isWaiting: Bool { !waiting.isEmpty }

    var reason: String {
      let all = failures + (waiting.isEmpty ? [] : ["timed out"])
      var seen: Set<String> = []
      return all.isEmpty ? "no address" : all.filter { seen.insert($0).inserted }.joined(separator: ", ")
    }

    /// - Returns: the socket, where it is connected at once.
    mutating func begin(_ address: Endpoint.Resolved) throws(SSHFailure) -> Int32? {
      let descriptor = socket(
        address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else {
        if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { throw .exhausted(words(errno)) }
        failures.append(words(errno))
        return nil
      }
      setOptions(descriptor)
      let status = address.bytes.withUnsafeBytes { bytes in
        bytes.withMemoryRebound(to: sockaddr.self) {
          Glibc.connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
        }
      }
      if status == 0 { return descriptor }
      guard errno == EINPROGRESS else {
        failures.append(words(errno))
        close(descriptor)
        return nil
      }
      waiting[descriptor] = address
      sockets.watch(descriptor, reading: false, writing: true)
      return nil
    }

    /// - Returns: the first that is connected; `nil` when none is yet.
    mutating func next(
      on loop: EventLoop, until deadline: ContinuousClock.Instant,
      isolation: isolated (any Actor)? = #isolation
    ) async -> Int32? {
      guard await loop.wait(for: sockets.descriptor, reading: true, writing: false, until: deadline) == .ready
      else {
        return nil
      }
      for ready in sockets.ready() {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(ready.descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        waiting[ready.descriptor] = nil
        sockets.forget(ready.descriptor)
        if code == 0 { return ready.descriptor }
        failures.append(words(code))
        close(ready.descriptor)
      }
      return nil
    }
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
