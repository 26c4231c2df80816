import Fleet
import System

/// Connecting, with retries for what may pass: exponential backoff with full jitter.
struct ConnectRetry: Sendable {
  let host: Host
  let connector: any Connector
  var time: any Timekeeper = SystemTime()
  var stop = StopSignal()

  private static let firstPause = Duration.milliseconds(500)
  private static let tries = 3
  /// Of a host that is there and takes no more connections now: the last pause is up to 32 times the first.
  private static let triesWhileBusy = 7

  func connect() async throws(ConnectFailure) -> any CommandChannel {
    var ceiling = Self.firstPause
    var tried = 1
    while true {
      let failure: ConnectFailure
      do {
        return try await connector.connect(to: host)
      } catch {
        guard error.isPassing, !stop.isRequested, tried < (error.isBusy ? Self.triesWhileBusy : Self.tries)
        else { throw error }
        failure = error
      }
      DebugLog.write("\(host.name): try \(tried) failed, and is made again: \(failure.reason)")
      // Who is cancelled, or asked to stop, does not try again: nothing has begun on the host.
      do {
        try await time.pause(for: ceiling * Double.random(in: 0...1), orUntil: stop)
      } catch { throw failure }
      if stop.isRequested { throw failure }
      ceiling *= 2
      tried += 1
    }
  }
}
