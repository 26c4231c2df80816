import SSH
import System

/// What a connection takes up, until it is given back.
actor ConnectionSlot {
  private let limiters: [ConcurrencyLimiter]
  private var isTaken = true

  init(in limiters: [ConcurrencyLimiter]) async {
    self.limiters = limiters
    for limiter in limiters { await limiter.acquire() }
  }

  func release() async {
    guard isTaken else { return }
    isTaken = false
    for limiter in limiters { await limiter.release() }
  }

  /// Waits until another connection has ended.
  ///
  /// - Returns: whether there is another.
  func makeRoom() async -> Bool {
    guard let sessions = limiters.first else { return false }
    // All of them: whoever waits for one holds no other that somebody inside waits for.
    for limiter in limiters.dropFirst() { await limiter.release() }
    let isOneOfMany = await sessions.releaseForWantOfRoom()
    for limiter in limiters { await limiter.acquire() }
    return isOneOfMany
  }
}
