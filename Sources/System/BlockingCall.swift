import Foundation

/// Calls that wait (a handshake, a transfer), each on a thread of its own.
///
/// Not on a dispatch queue: on Linux its pool grows by about a thread a second while its threads wait, so many
/// calls at once would queue up behind two.
public enum BlockingCall {
  public static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result(catching: body)) }
      thread.stackSize = 512 << 10
      thread.start()
    }
  }
}
