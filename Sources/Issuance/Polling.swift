import Fleet
import FoundationEssentials
import System

/// Asks a server again and again for what it is still working on.
struct Polling {
  /// How long a CA may take to validate, and again to issue; the order is kept for the next run after that.
  private static let patience = Duration.seconds(180)
  private static let firstPause = Duration.milliseconds(50)
  private static let longestPause = Duration.seconds(5)

  /// Asks until there is a value: as the server's Retry-After says, else in pauses that double.
  ///
  /// - Parameter what: for the message that it took too long.
  static func until<Value>(
    _ what: String, _ stop: StopSignal, _ ask: () async throws -> (value: Value?, retryAfter: Date?)
  ) async throws -> Value {
    let start = ContinuousClock.now
    var pause = firstPause
    while true {
      let (value, retryAfter) = try await ask()
      if let value { return value }
      let wanted = retryAfter.map { max(Duration.seconds($0.timeIntervalSinceNow), firstPause) }
      guard ContinuousClock.now + (wanted ?? pause) < start + patience else {
        throw IssuanceFailure(
          "\(what) is not finished after \(patience.short); the next run goes on with it", endsOrder: false,
          retryAfter: retryAfter)
      }
      guard try await stop.sleep(for: wanted ?? pause) else {
        throw IssuanceFailure(
          "\(what) was not waited for, as a stop was asked for; the next run goes on with it",
          endsOrder: false)
      }
      pause = min(pause * 2, longestPause)
    }
  }
}
