import Fleet
import FoundationEssentials
import System

/// Asks a server again and again for what it is still working on.
struct Polling {
  /// How long a CA may take to validate, and again to issue; the order is kept for the next run after that.
  private static let patience = Duration.seconds(180)
  private static let firstPause = Duration.milliseconds(50)
  private static let longestPause = Duration.seconds(5)
  /// A person who looks is told what is waited for beyond this.
  private static let silence = Duration.seconds(5)

  /// Asks until there is a value: as the server's Retry-After says, else in pauses that double.
  ///
  /// - Parameters:
  ///   - what: for the message that it took too long.
  ///   - tell: told once where it takes a while: for what, and how long at most.
  static func until<Value>(
    _ what: String, _ stop: StopSignal, telling tell: (String, Duration) -> Void,
    _ ask: () async throws -> (value: Value?, retryAfter: Date?)
  ) async throws -> Value {
    let start = ContinuousClock.now
    var pause = firstPause
    var isTold = false
    while true {
      let (value, retryAfter) = try await ask()
      if let value { return value }
      let wanted = retryAfter.map { max(Duration.seconds($0.timeIntervalSinceNow), firstPause) }
      guard ContinuousClock.now + (wanted ?? pause) < start + patience else {
        throw IssuanceFailure(
          "\(what) is not finished after \(patience.short); the next run goes on with it", endsOrder: false,
          retryAfter: retryAfter)
      }
      if !isTold, ContinuousClock.now + (wanted ?? pause) > start + silence {
        tell(what, patience)
        isTold = true
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
