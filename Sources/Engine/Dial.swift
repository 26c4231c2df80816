import Fleet

/// Connecting, with retries for what may pass: exponential backoff with full jitter.
struct Dial: Sendable {
  let host: Host
  let connector: any Connector
  var time: any Timekeeper = SystemTime()
  var tries = 3

  private static let firstPause = Duration.milliseconds(500)

  func connect() async throws(ConnectFailure) -> any Conversation {
    var ceiling = Self.firstPause
    for _ in 1..<tries {
      do {
        return try await connector.connect(to: host)
      } catch {
        guard error.isPassing else { throw error }
      }
      await time.pause(for: ceiling * Double.random(in: 0...1))
      ceiling *= 2
    }
    return try await connector.connect(to: host)
  }
}
