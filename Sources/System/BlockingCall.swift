import Glibc

/// Calls that wait (a handshake, a transfer), each on a thread of its own.
///
/// Not on a dispatch queue: on Linux its pool grows by about a thread a second while its threads wait, so many
/// calls at once would queue up behind two.
package enum BlockingCall {
  package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    try await withCheckedThrowingContinuation { continuation in
      SystemThread.start { continuation.resume(with: Result(catching: body)) }
    }
  }
}

/// pthread_create(3).
package enum SystemThread {
  /// Begins a thread of its own that ends with `body`.
  ///
  /// - Parameter stackSize: in bytes. The default is enough for OpenSSL's and libcurl's calls; the system's would be 8 MiB.
  package static func start(stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(run: body)).toOpaque()
    let status = pthread_create(
      &thread, &attributes,
      {
        guard let context = $0 else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(status == 0, "no thread can be made: \(String(cString: strerror(status)))")
  }

  private final class Body {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
