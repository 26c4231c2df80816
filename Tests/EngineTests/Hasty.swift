import Foundation
import Synchronization

@testable import Engine

/// A clock that does not let anybody wait.
final class Hasty: Timekeeper {
  private let past = Mutex(Duration.zero)
  var now: Date { Date() }
  var uptime: Duration { past.withLock { $0 } }
  func pause(for duration: Duration) async { past.withLock { $0 += duration } }
}
